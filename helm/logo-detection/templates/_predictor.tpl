{{/* The predictor: a pod's specification with KServe's own fields among it.
     Takes a dict: root, tag, storageUri, file, and canary ("true" for Standard mode's second predictor). */}}

{{- define "predictor" -}}
{{- $values := .root.Values -}}
{{- $knative := include "knative" .root -}}
{{- if not .canary }}
minReplicas: {{ $values.autoscaling.minReplicas }}
maxReplicas: {{ $values.autoscaling.maxReplicas }}
{{- with ternary $values.autoscaling.knative $values.autoscaling.standard (not (empty $knative)) }}
scaleMetric: {{ .scaleMetric }}
scaleTarget: {{ .scaleTarget }}
{{- end }}
{{- if $knative }}
{{- if not (kindIs "invalid" $values.canary.trafficPercent) }}
canaryTrafficPercent: {{ $values.canary.trafficPercent }}
{{- end }}
{{- end }}
{{- else }}
minReplicas: 1
maxReplicas: {{ $values.autoscaling.maxReplicas }}
{{- end }}
timeout: {{ $values.timeoutSeconds }}
{{- if $values.fetchHeaders.revision }}
annotations:
  logo-detection/fetch-headers-revision: {{ $values.fetchHeaders.revision | quote }}
{{- end }}
serviceAccountName: {{ include "serviceAccount" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- if not $knative }}
{{- /* The delay, the longest request, the server's own slack, and the end of the workers. */}}
terminationGracePeriodSeconds: {{ add (ceil $values.settings.DRAIN_DELAY_S) (ceil $values.settings.REQUEST_TIMEOUT_S) 10 }}
deploymentStrategy:
  type: RollingUpdate
  rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "podSelector" .root | nindent 8 }}
{{- end }}
containers:
  - name: kserve-container
    image: "{{ $values.image.repository }}:{{ .tag }}"
    imagePullPolicy: {{ $values.image.pullPolicy }}
    ports:
      - containerPort: 8080
        {{- if $values.grpc.enabled }}
        name: http1
        {{- end }}
        protocol: TCP
      {{- if $values.grpc.enabled }}
      - containerPort: {{ $values.grpc.port }}
        name: grpc
        protocol: TCP
      {{- end }}
    env:
      {{- include "environment" . | nindent 6 }}
    {{- include "probes" .root | nindent 4 }}
    resources:
      {{- range $bound, $amounts := $values.resources }}
      {{ $bound }}:
        {{- range $name, $amount := $amounts }}
        {{ $name }}: {{ $amount | quote }}
        {{- end }}
      {{- end }}
    securityContext:
      {{- include "securityContext" .root | nindent 6 }}
    {{- if or $values.fetchHeaders.secretName $values.tmpSizeLimit }}
    volumeMounts:
      {{- if $values.fetchHeaders.secretName }}
      - name: fetch-headers
        mountPath: /etc/logo-detection
        readOnly: true
      {{- end }}
      {{- if $values.tmpSizeLimit }}
      - name: tmp
        mountPath: /tmp
      {{- end }}
    {{- end }}
{{- if or $values.fetchHeaders.secretName $values.tmpSizeLimit }}
volumes:
  {{- if $values.fetchHeaders.secretName }}
  - name: fetch-headers
    secret:
      secretName: {{ $values.fetchHeaders.secretName }}
      defaultMode: 0444
      items:
        - key: {{ $values.fetchHeaders.key }}
          path: fetch-headers.json
  {{- end }}
  {{- if $values.tmpSizeLimit }}
  - name: tmp
    emptyDir: {medium: Memory, sizeLimit: {{ $values.tmpSizeLimit }}}
  {{- end }}
{{- end }}
{{- end }}

{{/* PORT is not among it: the image sets it, and Knative does, and refuses that anyone else does. */}}
{{- define "environment" -}}
{{- $knative := include "knative" .root -}}
- name: MODEL_NAME
  value: {{ .root.Values.model.name | quote }}
{{- if .storageUri }}
- name: STORAGE_URI
  value: {{ .storageUri | quote }}
- name: MODEL_PATH
  value: {{ .file | empty | ternary "/mnt/models" (printf "/mnt/models/%s" .file) | quote }}
{{- end }}
{{- if .root.Values.grpc.enabled }}
- name: GRPC_PORT
  value: {{ .root.Values.grpc.port | quote }}
{{- end }}
{{- if .root.Values.fetchHeaders.secretName }}
- name: FETCH_HEADERS_FILE
  value: /etc/logo-detection/fetch-headers.json
{{- end }}
{{- range $name, $value := .root.Values.settings }}
{{- if not (and $knative (eq $name "DRAIN_DELAY_S")) }}
- name: {{ $name }}
  {{- /* As JSON, since Helm reads every number as a float and would write 67108864 as 6.7108864e+07. */}}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Ready: every worker has warmed up; with gRPC, its health service says so. Alive: the event loop answers, busy or
     not. */}}
{{- define "probes" -}}
readinessProbe:
  {{- if .Values.grpc.enabled }}
  grpc: {port: {{ .Values.grpc.port }}}
  {{- else }}
  httpGet: {path: "/v1/models/{{ .Values.model.name }}", port: 8080}
  {{- end }}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /v2/health/live, port: 8080}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- if include "knative" . }}
  initialDelaySeconds: 60
{{- else }}
startupProbe:
  httpGet: {path: "/v1/models/{{ .Values.model.name }}", port: 8080}
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: 90
{{- end }}
{{- end }}
