{{- define "steelyard.name" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "steelyard.account" -}}
{{- .Values.serviceAccount.name | default (include "steelyard.name" .) -}}
{{- end -}}

{{- define "steelyard.selector" -}}
app.kubernetes.io/name: steelyard
app.kubernetes.io/instance: {{ include "steelyard.name" . }}
{{- end -}}

{{- define "steelyard.labels" -}}
{{ include "steelyard.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "steelyard.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The policies in force, as a mapping from names to texts. */}}
{{- define "steelyard.policies" -}}
{{- $texts := dict -}}
{{- if .Values.policies -}}
  {{- $texts = .Values.policies -}}
{{- else -}}
  {{- range .Values.shippedPolicies -}}
    {{- $text := $.Files.Get (printf "policies/%s.yaml" .) -}}
    {{- if not $text -}}{{- fail (printf "shippedPolicies: the chart has no policy `%s`" .) -}}{{- end -}}
    {{- $_ := set $texts . $text -}}
  {{- end -}}
{{- end -}}
{{- if not $texts -}}{{- fail "name a policy: in `policies` your own, or in `shippedPolicies` one of the chart's" -}}{{- end -}}
{{- toJson $texts -}}
{{- end -}}

{{/* steelyard.yaml: what the chart must say, and over it what the values say. */}}
{{- define "steelyard.settings" -}}
{{- $own := dict "kubernetes" (dict "enabled" true "lease" (dict "name" (include "steelyard.account" .))) "policies" (list "/etc/steelyard/policies") "listen" "0.0.0.0:9464" -}}
{{- toYaml (mergeOverwrite $own (deepCopy .Values.settings)) -}}
{{- end -}}

{{/* The resource of a kind: the rule by which `steelyard check --rbac` names it. */}}
{{- define "steelyard.resource" -}}
{{- $word := lower .kind -}}
{{- $named := get .resources (printf "%s.%s" .kind .group) -}}
{{- if $named -}}{{ $named }}
{{- else if regexMatch "(s|x|z|ch|sh)$" $word -}}{{ $word }}es
{{- else if regexMatch "[^aeiou]y$" $word -}}{{ trimSuffix "y" $word }}ies
{{- else -}}{{ $word }}s
{{- end -}}
{{- end -}}

{{/*
What the policies' targets need, as JSON: {"everywhere": [RULE], "somewhere": {NAMESPACE: [RULE]}}. A rule is a JSON text
[GROUP, RESOURCE, [VERB], NAME]: texts can be sorted and told apart.
*/}}
{{- define "steelyard.grants" -}}
{{- $everywhere := list -}}
{{- $somewhere := dict -}}
{{- range $name, $text := include "steelyard.policies" . | fromJson -}}
  {{- range regexSplit "(?m)^---[ \t]*(#.*)?$" $text -1 -}}
    {{- $policy := fromYaml . -}}
    {{- with $policy.Error }}{{- fail (printf "policy %s: %s" $name .) }}{{- end -}}
    {{- with ($policy.spec | default dict).target -}}
      {{- $parts := splitList "/" .apiVersion -}}
      {{- $group := ternary (first $parts) "" (eq (len $parts) 2) -}}
      {{- $resource := include "steelyard.resource" (dict "kind" .kind "group" $group "resources" $.Values.rbac.resources) -}}
      {{- $rules := list
          (list $group $resource (list "list" "watch") "" | toJson)
          (list $group (printf "%s/scale" $resource) (list "patch") "" | toJson)
          (list "events.k8s.io" "events" (list "create") "" | toJson)
          (list "autoscaling" "horizontalpodautoscalers" (list "list" "watch") "" | toJson)
          (list "keda.sh" "scaledobjects" (list "list" "watch") "" | toJson) -}}
      {{- $named := .namespaces | default list -}}
      {{- if or (not $named) (regexMatch "[*?]" (join "" $named)) -}}
        {{- $everywhere = concat $everywhere $rules -}}
      {{- else -}}
        {{- range $named -}}
          {{- $_ := set $somewhere . (concat (get $somewhere . | default list) $rules) -}}
        {{- end -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $leases := list
    (list "coordination.k8s.io" "leases" (list "create") "" | toJson)
    (list "coordination.k8s.io" "leases" (list "get" "update") (include "steelyard.account" .) | toJson) -}}
{{- $_ := set $somewhere .Release.Namespace (concat (get $somewhere .Release.Namespace | default list) $leases) -}}
{{- $left := dict -}}
{{- range $namespace, $rules := $somewhere -}}
  {{- $own := list -}}
  {{- range $rules | uniq | sortAlpha }}{{- if not (has . $everywhere) }}{{- $own = append $own . }}{{- end }}{{- end -}}
  {{- if $own }}{{- $_ := set $left $namespace $own }}{{- end -}}
{{- end -}}
{{- dict "everywhere" ($everywhere | uniq | sortAlpha) "somewhere" $left | toJson -}}
{{- end -}}

{{- define "steelyard.rules" -}}
{{- range . -}}
{{- $rule := fromJsonArray . }}
- apiGroups: [{{ index $rule 0 | quote }}]
  resources: [{{ index $rule 1 | quote }}]
  {{- with index $rule 3 }}
  resourceNames: [{{ . | quote }}]
  {{- end }}
  verbs: [{{ join ", " (index $rule 2) }}]
{{- end -}}
{{- end -}}

{{- define "steelyard.subjects" -}}
- kind: ServiceAccount
  name: {{ include "steelyard.account" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
