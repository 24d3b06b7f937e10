{{/* The ends of the edges that NetworkPolicies allow. */}}

{{- define "cronquorum.peer" -}}
- podSelector:
    matchLabels:
      {{- include "cronquorum.selector" . | nindent 6 }}
{{- end -}}

{{- define "cronquorum.ingress.metrics" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.networkPolicy.metrics -}}
- from:
    {{- toYaml . | nindent 4 }}
  ports: [{protocol: TCP, port: {{ index $ 1 }}}]
{{- end -}}
{{- end -}}

{{- define "cronquorum.egress.dns" -}}
{{- with .Values.networkPolicy.dns -}}
- to:
    {{- toYaml . | nindent 4 }}
  ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
{{- end -}}
{{- end -}}

{{- define "cronquorum.egress.postgresql" -}}
- ports: [{protocol: TCP, port: {{ ternary 5432 .Values.networkPolicy.postgresql.port (not (empty (include "cronquorum.dev.postgresql" .))) }}}]
  {{- if include "cronquorum.dev.postgresql" . }}
  to:
    {{- include "cronquorum.peer" (dict "root" . "component" "postgresql") | nindent 4 }}
  {{- else if .Values.networkPolicy.postgresql.to }}
  to:
    {{- toYaml .Values.networkPolicy.postgresql.to | nindent 4 }}
  {{- else if .Values.store.cloudNativePG.cluster }}
  to:
    - podSelector: {matchLabels: {cnpg.io/cluster: {{ .Values.store.cloudNativePG.cluster }}}}
  {{- end }}
{{- end -}}

{{- define "cronquorum.egress.zookeeper" -}}
{{- $ports := list -}}
{{- range include "cronquorum.zookeeper.hosts" . | fromJsonArray -}}
{{- $ports = append $ports (default "2181" (regexFind ":[0-9]+$" . | trimPrefix ":") | int) -}}
{{- end -}}
- ports:
    {{- range uniq $ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  {{- if include "cronquorum.dev.zookeeper" . }}
  to:
    {{- include "cronquorum.peer" (dict "root" . "component" "zookeeper") | nindent 4 }}
  {{- else if .Values.networkPolicy.zookeeper.to }}
  to:
    {{- toYaml .Values.networkPolicy.zookeeper.to | nindent 4 }}
  {{- end }}
{{- end -}}
