{{- define "cronquorum.scheduler.config" -}}
{{- $own := dict
  "listen" (include "cronquorum.address" (list . "any" 7400))
  "metrics_listen" (include "cronquorum.address" (list . "any" 7401))
  "wait_for_schema" (printf "%ds" (int .Values.migrations.waitSeconds))
-}}
{{- merge $own (include "cronquorum.config.common" . | fromJson) .Values.scheduler.config | toJson -}}
{{- end -}}
