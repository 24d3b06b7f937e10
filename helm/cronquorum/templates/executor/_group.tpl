{{/* The groups of executors by name, filled up with what they leave to executorDefaults, as JSON. */}}
{{- define "cronquorum.executors" -}}
{{- $groups := dict -}}
{{- range $name, $own := .Values.executors -}}
{{- $_ := set $groups $name (mergeOverwrite (deepCopy $.Values.executorDefaults) (default (dict) $own)) -}}
{{- end -}}
{{- $groups | toJson -}}
{{- end -}}

{{/* What the templates take for a group: (list $ NAME VALUES), as JSON but for the root. */}}
{{- define "cronquorum.executor.config" -}}
{{- $root := index . 0 -}}
{{- $values := index . 1 -}}
{{- $own := dict
  "listen" (include "cronquorum.address" (list $root "any" 7500))
  "metrics_listen" (include "cronquorum.address" (list $root "any" 7501))
  "data" "/var/lib/cronquorum/executor"
  "slots" (int $values.slots)
  "kind" $values.kinds
  "label" $values.labels
  "tasks" $values.tasks
  "drain" (printf "%ds" (int $values.drainSeconds))
-}}
{{- merge $own (include "cronquorum.config.common" $root | fromJson) $values.config | toJson -}}
{{- end -}}

{{- define "cronquorum.executor.account" -}}
{{- $values := .values -}}
{{- if $values.serviceAccount.name -}}
{{- $values.serviceAccount.name -}}
{{- else if $values.serviceAccount.create -}}
{{- .name -}}
{{- else -}}
default
{{- end -}}
{{- end -}}

{{- define "cronquorum.executor.pod" -}}
{{- $values := .values -}}
{{- include "cronquorum.pod.metadata" . }}
spec:
  serviceAccountName: {{ include "cronquorum.executor.account" . }}
  automountServiceAccountToken: {{ has "kubernetes" $values.kinds }}
  {{- include "cronquorum.pod.account" . | nindent 2 }}
  # after the drain: the last outcomes, the end of what is left, and the guardian's own
  terminationGracePeriodSeconds: {{ add $values.drainSeconds 30 }}
  {{- include "cronquorum.pod.placing" . | nindent 2 }}
  containers:
    - name: executor
      image: {{ include "cronquorum.image" (list .root $values.image) }}
      imagePullPolicy: {{ default .root.Values.image.pullPolicy $values.image.pullPolicy }}
      command: [python, -m, executor]
      args: [--config, {{ include "cronquorum.config.dir" . }}/config/executor.toml]
      env:
        {{- include "cronquorum.pod.environment" . | nindent 8 }}
        {{- with $values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - {name: grpc, containerPort: 7500}
        - {name: metrics, containerPort: 7501}
      {{- include "cronquorum.pod.probes" (dict "start" 120) | nindent 6 }}
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      securityContext:
        {{- toYaml .root.Values.securityContext | nindent 8 }}
      volumeMounts:
        {{- include "cronquorum.pod.mounts" . | nindent 8 }}
        - {name: data, mountPath: /var/lib/cronquorum}
  volumes:
    {{- include "cronquorum.pod.volumes" . | nindent 4 }}
    {{- if not $values.persistence.enabled }}
    - name: data
      emptyDir: {sizeLimit: {{ $values.dataSizeLimit }}}
    {{- end }}
{{- end -}}
