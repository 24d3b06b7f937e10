{{/* Where the store, ZooKeeper and the certificates come from, and what is wrong with that. */}}

{{- define "cronquorum.dev.postgresql" -}}
{{- if and .Values.dev.enabled .Values.dev.postgresql.enabled }}yes{{ end -}}
{{- end -}}

{{- define "cronquorum.dev.zookeeper" -}}
{{- if and .Values.dev.enabled .Values.dev.zookeeper.enabled }}yes{{ end -}}
{{- end -}}

{{- define "cronquorum.check" -}}
{{- $stores := list -}}
{{- if include "cronquorum.dev.postgresql" . }}{{ $stores = append $stores "dev.postgresql.enabled" }}{{ end -}}
{{- if .Values.store.existingSecret }}{{ $stores = append $stores "store.existingSecret" }}{{ end -}}
{{- if .Values.store.cloudNativePG.cluster }}{{ $stores = append $stores "store.cloudNativePG.cluster" }}{{ end -}}
{{- if not $stores -}}
{{- fail "no store: set store.existingSecret, store.cloudNativePG.cluster, or (for a try-out) dev.enabled" -}}
{{- else if gt (len $stores) 1 -}}
{{- fail (printf "more than one store: %s" (join ", " $stores)) -}}
{{- end -}}
{{- if and (include "cronquorum.dev.zookeeper" .) .Values.zookeeper.hosts -}}
{{- fail "more than one ZooKeeper: dev.zookeeper.enabled, zookeeper.hosts" -}}
{{- else if not (or (include "cronquorum.dev.zookeeper" .) .Values.zookeeper.hosts) -}}
{{- fail "no ZooKeeper: set zookeeper.hosts, or (for a try-out) dev.enabled" -}}
{{- end -}}
{{- if and .Values.zookeeper.tls.enabled (not .Values.zookeeper.tls.existingSecret) -}}
{{- fail "zookeeper.tls.enabled: set zookeeper.tls.existingSecret" -}}
{{- end -}}
{{- $mode := include "cronquorum.tls.mode" . -}}
{{- if not $mode -}}
{{- fail "tls.mode: set it to certManager, secret or generated; nothing is open outside of a pod without certificates" -}}
{{- else if and (eq $mode "secret") (not (and .Values.tls.secret.scheduler .Values.tls.secret.executor)) -}}
{{- fail "tls.mode secret: set tls.secret.scheduler and tls.secret.executor" -}}
{{- else if and (eq $mode "certManager") (not .Values.tls.certManager.issuerRef.name) -}}
{{- fail "tls.mode certManager: set tls.certManager.issuerRef.name" -}}
{{- end -}}
{{- end -}}

{{- define "cronquorum.store.secret" -}}
{{- if include "cronquorum.dev.postgresql" . -}}
name: {{ include "cronquorum.name" (list . "postgresql") }}
key: url
{{- else if .Values.store.cloudNativePG.cluster -}}
name: {{ .Values.store.cloudNativePG.cluster }}-app
key: uri
{{- else -}}
name: {{ .Values.store.existingSecret }}
key: {{ .Values.store.key }}
{{- end -}}
{{- end -}}

{{/* The servers, as JSON. */}}
{{- define "cronquorum.zookeeper.hosts" -}}
{{- if include "cronquorum.dev.zookeeper" . -}}
{{- list (printf "%s:2181" (include "cronquorum.name" (list . "zookeeper"))) | toJson -}}
{{- else -}}
{{- .Values.zookeeper.hosts | toJson -}}
{{- end -}}
{{- end -}}

{{/* The Secret with the password of the digest credentials; empty: none. */}}
{{- define "cronquorum.zookeeper.secret" -}}
{{- if include "cronquorum.dev.zookeeper" . -}}
{{- include "cronquorum.name" (list . "zookeeper") -}}
{{- else -}}
{{- .Values.zookeeper.auth.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "cronquorum.zookeeper.key" -}}
{{- if include "cronquorum.dev.zookeeper" . }}password{{ else }}{{ .Values.zookeeper.auth.key }}{{ end -}}
{{- end -}}

{{- define "cronquorum.tls.mode" -}}
{{- default (ternary "generated" "" .Values.dev.enabled) .Values.tls.mode -}}
{{- end -}}

{{/* The Secret with the certificate of a role: (list $ "scheduler"). */}}
{{- define "cronquorum.tls.secret" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- if eq (include "cronquorum.tls.mode" $root) "secret" -}}
{{- index $root.Values.tls.secret $role -}}
{{- else -}}
{{- include "cronquorum.name" (list $root $role "tls") -}}
{{- end -}}
{{- end -}}

{{- define "cronquorum.config.dir" }}/etc/cronquorum{{ end -}}

{{/* What is in the config file of nodes and executors alike, as JSON. */}}
{{- define "cronquorum.config.common" -}}
{{- $dir := include "cronquorum.config.dir" . -}}
{{- $hosts := join "," (include "cronquorum.zookeeper.hosts" . | fromJsonArray) -}}
{{- $config := dict
  "zookeeper" (print $hosts .Values.zookeeper.chroot)
  "tls" (dict "cert" (print $dir "/tls/tls.crt") "key" (print $dir "/tls/tls.key") "ca" (print $dir "/tls/ca.crt"))
-}}
{{- if include "cronquorum.zookeeper.secret" . -}}
{{- $_ := set $config "zookeeper_user" .Values.zookeeper.auth.user -}}
{{- $_ := set $config "zookeeper_password_file" (print $dir "/zookeeper/password") -}}
{{- end -}}
{{- if .Values.zookeeper.tls.enabled -}}
{{- $tls := dict "ca" (print $dir "/zookeeper-tls/ca.crt") -}}
{{- if .Values.zookeeper.tls.clientCertificate -}}
{{- $_ := set $tls "cert" (print $dir "/zookeeper-tls/tls.crt") -}}
{{- $_ := set $tls "key" (print $dir "/zookeeper-tls/tls.key") -}}
{{- end -}}
{{- $_ := set $config "zookeeper_tls" $tls -}}
{{- end -}}
{{- $config | toJson -}}
{{- end -}}

{{/* An address at every interface, or of the pod: (list $ "any" 7400), (list $ "$(POD_IP)" 7400). */}}
{{- define "cronquorum.address" -}}
{{- $root := index . 0 -}}
{{- $six := eq $root.Values.ipFamily "IPv6" -}}
{{- $host := index . 1 -}}
{{- if eq $host "any" }}{{ $host = ternary "::" "0.0.0.0" $six }}{{ end -}}
{{- printf (ternary "[%s]:%d" "%s:%d" $six) $host (int (index . 2)) -}}
{{- end -}}

{{/* A dict as TOML. Helm takes every number of a YAML file for a float, and none of ours is one. */}}
{{- define "cronquorum.toml" -}}
{{- regexReplaceAll "(?m)( = -?[0-9]+)\\.0$" (toToml .) "${1}" -}}
{{- end -}}
