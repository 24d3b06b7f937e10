{{/* The container that brings the schema up to date: of the Job, or of a node's pod. */}}
{{- define "cronquorum.migration.container" -}}
image: {{ include "cronquorum.image" (list . .Values.image) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: [python, -m, jobstore, upgrade]
env:
  {{- include "cronquorum.pod.store" . | nindent 2 }}
  {{- with .Values.scheduler.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
resources:
  {{- toYaml .Values.migrations.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- with .Values.scheduler.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "cronquorum.migration.spec" -}}
{{- $it := dict "root" . "component" "migration" "values" .Values.scheduler -}}
{{- /* `int`: a million, say, would be written as 1e+06 */ -}}
backoffLimit: {{ int .Values.migrations.backoffLimit }}
activeDeadlineSeconds: {{ int .Values.migrations.activeDeadlineSeconds }}
template:
  metadata:
    labels:
      {{- include "cronquorum.labels" $it | nindent 6 }}
    {{- with .Values.commonAnnotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    serviceAccountName: {{ include "cronquorum.serviceAccount" . }}
    automountServiceAccountToken: false
    {{- include "cronquorum.pod.account" $it | nindent 4 }}
    restartPolicy: Never
    {{- with include "cronquorum.pod.machines" $it | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    containers:
      - name: migrate
        {{- include "cronquorum.migration.container" . | nindent 8 }}
    volumes:
      - name: tmp
        emptyDir: {}
      {{- with .Values.scheduler.extraVolumes }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
{{- end -}}
