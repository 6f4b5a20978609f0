{{/* What the schema cannot say: values that contradict each other are refused, by their names. */}}

{{- define "checks" -}}
{{- include "checkTimeouts" . -}}
{{- include "checkModel" . -}}
{{- include "checkGrpc" . -}}
{{- include "checkResources" . -}}
{{- include "checkSettings" . -}}
{{- include "checkAutoscaling" . -}}
{{- include "checkOrigins" . -}}
{{- end }}

{{- define "checkTimeouts" -}}
{{- if le (float64 .Values.timeoutSeconds) (float64 .Values.settings.REQUEST_TIMEOUT_S) }}
{{- fail "timeoutSeconds: must exceed settings.REQUEST_TIMEOUT_S, or requests are cut off instead of answered" }}
{{- end }}
{{- end }}

{{/* The server refuses the first two at its start; bodies and files that do not fit would end it later. */}}
{{- define "checkSettings" -}}
{{- $settings := .Values.settings -}}
{{- $images := int ($settings.IMAGES_MAX_NUM | default 50) -}}
{{- $queue := int ($settings.QUEUE_MAX_IMAGES | default (max 200 (mul 4 $images))) -}}
{{- if gt $images $queue }}
{{- fail (printf "settings.IMAGES_MAX_NUM: %d may not exceed settings.QUEUE_MAX_IMAGES, %d" $images $queue) }}
{{- end }}
{{- $body := int64 ($settings.BODY_MAX_SIZE | default 67108864) -}}
{{- $file := int64 ($settings.FETCH_MAX_SIZE | default 67108864) -}}
{{- $held := int64 ($settings.FETCH_MEMORY_MAX | default (max 134217728 (mul 2 (max $body $file)))) -}}
{{- range $name, $size := dict "BODY_MAX_SIZE" $body "FETCH_MAX_SIZE" $file }}
{{- if gt $size $held }}
{{- fail (printf "settings.%s: %d may not exceed settings.FETCH_MEMORY_MAX, %d" $name $size $held) }}
{{- end }}
{{- end }}
{{- with .Values.resources.limits.memory }}
{{- if ge (float64 $held) (float64 (include "quantity" .)) }}
{{- fail (printf "settings.FETCH_MEMORY_MAX: %d bytes do not fit into resources.limits.memory, %s" $held .) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "checkModel" -}}
{{- if and .Values.model.file (not .Values.model.storageUri) }}
{{- fail "model.file: names a file below model.storageUri, which is not set" }}
{{- end }}
{{- if and (hasSuffix ".keras" .Values.model.file) (not .Values.tmpSizeLimit) }}
{{- fail "tmpSizeLimit: is empty, and the Keras runtime unpacks model.file in /tmp; 256Mi does for LiftWing's" }}
{{- end }}
{{- $fetched := and .Values.model.storageUri (not (hasPrefix "pvc://" .Values.model.storageUri)) -}}
{{- if and $fetched .Values.networkPolicy.enabled (not .Values.networkPolicy.egress.objectStore) }}
{{- fail "networkPolicy.egress.objectStore: is empty, so that model.storageUri could not be fetched" }}
{{- end }}
{{- end }}

{{- define "checkGrpc" -}}
{{- if and .Values.grpc.enabled (include "knative" .) }}
{{- fail "grpc.enabled: Knative passes one port on, which is that of HTTP; gRPC is for deploymentMode Standard" }}
{{- end }}
{{- if and .Values.grpc.enabled (eq (int .Values.grpc.port) 8080) }}
{{- fail "grpc.port: 8080 is that of HTTP" }}
{{- end }}
{{- end }}

{{- define "checkResources" -}}
{{- $limits := .Values.resources.limits -}}
{{- range $name, $amount := .Values.resources.requests }}
{{- with get $limits $name }}
{{- if lt (float64 (include "quantity" .)) (float64 (include "quantity" $amount)) }}
{{- fail (printf "resources.limits.%s: %v is below resources.requests.%s, %v" $name . $name $amount) }}
{{- end }}
{{- end }}
{{- end }}
{{- with $limits.memory }}
{{- if lt (float64 (include "quantity" .)) (float64 (include "quantity" "512Mi")) }}
{{- fail (printf "resources.limits.memory: %s is below 512Mi, without which a server does not start" .) }}
{{- end }}
{{- if and $.Values.tmpSizeLimit (ge (float64 (include "quantity" $.Values.tmpSizeLimit)) (float64 (include "quantity" .))) }}
{{- fail (printf "tmpSizeLimit: %s is in memory, and not below resources.limits.memory, %s" $.Values.tmpSizeLimit .) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "checkAutoscaling" -}}
{{- with .Values.autoscaling }}
{{- if gt (int .minReplicas) (int .maxReplicas) }}
{{- fail (printf "autoscaling.minReplicas: %d is above autoscaling.maxReplicas, %d" (int .minReplicas) (int .maxReplicas)) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A quantity of Kubernetes' as a plain number: 500m is 0.5, 2Gi is 2147483648. */}}
{{- define "quantity" -}}
{{- $factors := dict "" 1.0 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 -}}
{{- $text := toString . -}}
{{- mulf (regexFind "^[0-9.]+" $text | float64) (get $factors (regexFind "[A-Za-z]*$" $text)) -}}
{{- end }}

{{/* Each host that is fetched from is let out, by an entry of its name or to where an override leads; and nobody else.
     An address of the pod itself (127.0.0.1) needs no entry, another one at least one of its port.
     Without ALLOWED_HOSTS and without any origin, images come inline alone. */}}
{{- define "checkOrigins" -}}
{{- $origins := list -}}
{{- range .Values.networkPolicy.egress.imageOrigins }}{{ $origins = append $origins .name }}{{ end -}}
{{- $allowed := list -}}
{{- range compact (splitList "," (.Values.settings.ALLOWED_HOSTS | default "commons.wikimedia.org,upload.wikimedia.org")) }}
{{- $allowed = append $allowed (trim . | splitList "/" | first | lower) -}}
{{- end }}
{{- $ports := list -}}
{{- range .Values.networkPolicy.egress.imageOrigins }}{{ $ports = append $ports (toString .port) }}{{ end -}}
{{- $overridden := list -}}
{{- range compact (splitList "," (.Values.settings.ORIGIN_OVERRIDES | default "")) }}
{{- $host := trim . | splitList "=" | first | lower -}}
{{- if not (has $host $allowed) }}
{{- fail (printf "settings.ORIGIN_OVERRIDES: %s is no host of settings.ALLOWED_HOSTS" $host) }}
{{- end }}
{{- $overridden = append $overridden $host -}}
{{- $origin := trim . | splitList "=" | last -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $origin) | default (ternary "443" "80" (hasPrefix "https:" $origin)) -}}
{{- $inPod := regexMatch "//(127\\.[0-9.]+|localhost|\\[::1\\])(:|$)" $origin -}}
{{- if and $.Values.networkPolicy.enabled $origins (not $inPod) (not (has $port $ports)) }}
{{- fail (printf "networkPolicy.egress.imageOrigins: has no entry of port %s, to which settings.ORIGIN_OVERRIDES leads %s" $port $host) }}
{{- end }}
{{- end }}
{{- if and .Values.networkPolicy.enabled (or $origins .Values.settings.ALLOWED_HOSTS) }}
{{- range $allowed }}
{{- if not (or (has . $origins) (has . $overridden)) }}
{{- fail (printf "networkPolicy.egress.imageOrigins: has no entry named %s, a host of settings.ALLOWED_HOSTS, so that nothing of it could be fetched" .) }}
{{- end }}
{{- end }}
{{- range $origins }}
{{- if not (or $overridden (has . $allowed)) }}
{{- fail (printf "networkPolicy.egress.imageOrigins: %s is no host of settings.ALLOWED_HOSTS" .) }}
{{- end }}
{{- end }}
{{- if and $overridden (not $origins) }}
{{- fail (printf "networkPolicy.egress.imageOrigins: is empty, and settings.ORIGIN_OVERRIDES leads %s somewhere: name that place" (first $overridden)) }}
{{- end }}
{{- end }}
{{- end }}
