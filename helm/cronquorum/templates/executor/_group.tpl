{{/* The groups of executors by name, filled up with what they leave to executorDefaults, and their workload's kind, as JSON. */}}
{{- define "cronquorum.executors" -}}
{{- $groups := dict -}}
{{- $accounts := list -}}
{{- with .Values.serviceAccount }}{{ if and .create .name }}{{ $accounts = append $accounts .name }}{{ end }}{{ end -}}
{{- range $name, $own := .Values.executors -}}
{{- $values := mergeOverwrite (deepCopy $.Values.executorDefaults) (default (dict) $own) -}}
{{- $kubernetes := has "kubernetes" $values.kinds -}}
{{- if and $kubernetes $values.autoscaling.enabled -}}
{{- fail (printf "executors.%s: autoscaling is not for kind kubernetes: the Jobs of an executor that went would be nobody's; give it more slots" $name) -}}
{{- end -}}
{{- with $values.serviceAccount -}}
{{- if and .create .name -}}
{{- if has .name $accounts -}}
{{- fail (printf "executors.%s.serviceAccount.name: %s would be made twice: set serviceAccount.create to false for all but one" $name .name) -}}
{{- end -}}
{{- $accounts = append $accounts .name -}}
{{- end -}}
{{- end -}}
{{- /* Jobs outlive an executor, and are found again by one of the same name: only a StatefulSet gives that */ -}}
{{- $_ := set $values "workload" (ternary "StatefulSet" "Deployment" (or $kubernetes $values.persistence.enabled)) -}}
{{- $_ := set $groups $name $values -}}
{{- end -}}
{{- $groups | toJson -}}
{{- end -}}

{{/* The config file of a group's executors: (list $ VALUES), as JSON. */}}
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
{{- if has "kubernetes" $values.kinds -}}
{{- $_ := set $own "kubernetes_namespace" (default (list $root.Release.Namespace) $values.kubernetes.namespaces) -}}
{{- end -}}
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
