{{/* Names and labels that more than one document uses. */}}

{{- define "labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ include "tag" . | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* KServe gives this label to the pods, in either mode. */}}
{{- define "podSelector" -}}
serving.kserve.io/inferenceservice: {{ .Release.Name }}
{{- end }}

{{- define "tag" -}}
{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "serviceAccount" -}}
{{ .Values.serviceAccount.name | default .Release.Name }}
{{- end }}

{{/* "true" in Knative mode, empty in Standard. */}}
{{- define "knative" -}}
{{ if has .Values.deploymentMode (list "Knative" "Serverless") }}true{{ end }}
{{- end }}

{{/* What pod-security "restricted" asks of a container, and a root file system that cannot be written. All of it is the
     container's: Knative admits no such context of the pod unless a flag is set. */}}
{{- define "securityContext" -}}
runAsNonRoot: true
runAsUser: 900
runAsGroup: 900
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
privileged: false
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}
