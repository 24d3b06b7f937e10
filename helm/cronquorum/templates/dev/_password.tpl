{{/* A password for a try-out, which an upgrade keeps: (list $ SECRET). */}}
{{- define "cronquorum.dev.password" -}}
{{- $root := index . 0 -}}
{{- $found := lookup "v1" "Secret" $root.Release.Namespace (index . 1) -}}
{{- if $found -}}
{{- get $found.data "password" | b64dec -}}
{{- else -}}
{{- randAlphaNum 32 -}}
{{- end -}}
{{- end -}}
