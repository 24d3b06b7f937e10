{{/*
What pods of nodes, executors and the migration have in common.
(dict "root" $ "component" "executor" "group" "gpu" "values" $group "name" NAME)
*/}}

{{- define "cronquorum.pod.metadata" -}}
metadata:
  labels:
    {{- include "cronquorum.labels" (merge (dict "labels" .values.podLabels) .) | nindent 4 }}
  annotations:
    {{- $checksum := include "cronquorum.toml" .config | sha256sum }}
    {{- merge (dict "checksum/config" $checksum) .values.podAnnotations .root.Values.commonAnnotations | toYaml | nindent 4 }}
{{- end -}}

{{- define "cronquorum.pod.account" -}}
# of each Service in the namespace it would make variables, CRONQUORUM_... among them, which are no settings
enableServiceLinks: false
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "cronquorum.pod.placing" -}}
topologySpreadConstraints:
{{- if .values.topologySpreadConstraints }}
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "cronquorum.selector" $ | nindent 8 }}
{{- end }}
{{- end }}
{{- include "cronquorum.pod.machines" . }}
{{- end -}}

{{/* On which machines, each part on a line of its own behind what stands before it. */}}
{{- define "cronquorum.pod.machines" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Probes on the metrics port: it is not asked before `start` seconds are over whether the process lives. */}}
{{- define "cronquorum.pod.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: {{ div (int .start) 2 }}
livenessProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{- define "cronquorum.pod.environment" -}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
- name: CRONQUORUM_ADVERTISE
  value: {{ include "cronquorum.address" (list .root "$(POD_IP)" .port) | quote }}
- name: {{ .identity }}
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end -}}

{{- define "cronquorum.pod.store" -}}
- name: CRONQUORUM_STORE
  valueFrom:
    secretKeyRef:
      {{- include "cronquorum.store.secret" . | nindent 6 }}
{{- end -}}

{{- define "cronquorum.pod.mounts" -}}
{{- $dir := include "cronquorum.config.dir" .root -}}
- {name: config, mountPath: {{ $dir }}/config, readOnly: true}
- {name: tls, mountPath: {{ $dir }}/tls, readOnly: true}
{{- if include "cronquorum.zookeeper.secret" .root }}
- {name: zookeeper, mountPath: {{ $dir }}/zookeeper, readOnly: true}
{{- end }}
{{- if .root.Values.zookeeper.tls.enabled }}
- {name: zookeeper-tls, mountPath: {{ $dir }}/zookeeper-tls, readOnly: true}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- with .values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "cronquorum.pod.volumes" -}}
- name: config
  configMap: {name: {{ .name }}}
- name: tls
  # the group of podSecurityContext reads it, and nobody else
  secret: {secretName: {{ include "cronquorum.tls.secret" (list .root .component) }}, defaultMode: 0440}
{{- with include "cronquorum.zookeeper.secret" .root }}
- name: zookeeper
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items: [{key: {{ include "cronquorum.zookeeper.key" $.root }}, path: password}]
{{- end }}
{{- if .root.Values.zookeeper.tls.enabled }}
- name: zookeeper-tls
  secret: {secretName: {{ .root.Values.zookeeper.tls.existingSecret }}, defaultMode: 0440}
{{- end }}
- name: tmp
  emptyDir: {}
{{- with .values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
