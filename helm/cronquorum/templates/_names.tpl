{{- define "cronquorum.fullname" -}}
{{- $chart := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $chart .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $chart -}}
{{- end -}}
{{- end -}}

{{/* A name of a resource: (list $ "executor" "gpu") is <fullname>-executor-gpu. */}}
{{- define "cronquorum.name" -}}
{{- $name := join "-" (prepend (rest .) (include "cronquorum.fullname" (first .))) -}}
{{- /* 52: a StatefulSet's name, its revision behind it, is a label of its pods */ -}}
{{- if gt (len $name) 52 -}}
{{- fail (printf "%s is longer than 52 characters: set fullnameOverride to something shorter" $name) -}}
{{- end -}}
{{- /* what may be the name of a Service: that of a release may have dots, and begin with a digit */ -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "%s: names of Services begin with a letter and have no dots: set fullnameOverride" $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* What selects the pods of a component: (dict "root" $ "component" "executor" "group" "gpu"); the group may be missing. */}}
{{- define "cronquorum.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- with .group }}
cronquorum/executors: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The labels of a resource, or of a pod: ours, which nobody replaces since selectors take them; `labels`; common ones. */}}
{{- define "cronquorum.labels" -}}
{{- $ours := dict
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_")
-}}
{{- merge (include "cronquorum.selector" . | fromYaml) $ours (default (dict) .labels) .root.Values.commonLabels | toYaml -}}
{{- end -}}

{{/* The metadata of a resource of a component: beside what a selector takes, "name", and "labels" and "annotations" of its own. */}}
{{- define "cronquorum.metadata" -}}
metadata:
  name: {{ .name }}
  namespace: {{ default .root.Release.Namespace .namespace }}
  labels:
    {{- include "cronquorum.labels" . | nindent 4 }}
  {{- with merge (dict) (default (dict) .annotations) .root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* An image: (list $ .Values.image-like), what is empty being that of .Values.image. */}}
{{- define "cronquorum.image" -}}
{{- $root := index . 0 -}}
{{- $own := index . 1 -}}
{{- $common := $root.Values.image -}}
{{- $repository := default $common.repository $own.repository -}}
{{- $tag := default (default $root.Chart.AppVersion $common.tag) $own.tag -}}
{{- $digest := $own.digest -}}
{{- if not (or $digest $own.repository $own.tag) -}}{{- $digest = $common.digest -}}{{- end -}}
{{- if $digest -}}
{{- printf "%s@%s" $repository $digest -}}
{{- else -}}
{{- printf "%s:%s" $repository $tag -}}
{{- end -}}
{{- end -}}

{{- define "cronquorum.serviceAccount" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.create -}}
{{- include "cronquorum.name" (list .) -}}
{{- else -}}
default
{{- end -}}
{{- end -}}
