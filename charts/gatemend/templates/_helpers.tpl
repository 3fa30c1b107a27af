{{- define "gatemend.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "gatemend.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "gatemend.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "gatemend.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "gatemend.selectorLabels" -}}
app.kubernetes.io/name: {{ include "gatemend.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end }}

{{- define "gatemend.labels" -}}
{{ include "gatemend.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "gatemend.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "gatemend.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "gatemend.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* The rules of the role NAME in the file FILE of files/rbac: (list . "reader" "gatemend-reader"). */}}
{{- define "gatemend.rules" -}}
{{- $root := index . 0 }}{{ $name := index . 2 }}
{{- range $text := splitList "\n---\n" ($root.Files.Get (printf "files/rbac/%s.yaml" (index . 1))) }}
{{- $role := fromYaml $text }}
{{- if and (eq $role.kind "ClusterRole") (eq $role.metadata.name $name) }}{{ toYaml $role.rules }}{{ end }}
{{- end }}
{{- end }}

{{- define "gatemend.subjects" -}}
- kind: ServiceAccount
  name: {{ include "gatemend.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- /* The rules of the Role in the file FILE of files/rbac, whatever its name: (list . "controller"). */}}
{{- define "gatemend.roleRules" -}}
{{- $root := index . 0 }}
{{- range $text := splitList "\n---\n" ($root.Files.Get (printf "files/rbac/%s.yaml" (index . 1))) }}
{{- $role := fromYaml $text }}
{{- if eq $role.kind "Role" }}{{ toYaml $role.rules }}{{ end }}
{{- end }}
{{- end }}

{{- define "gatemend.agent" -}}
{{ include "gatemend.fullname" . }}-agent
{{- end }}

{{- define "gatemend.agentSelectorLabels" -}}
app.kubernetes.io/name: {{ include "gatemend.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: agent
{{- end }}

{{- define "gatemend.agentLabels" -}}
{{ include "gatemend.agentSelectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* The Secret with the certificate of a side, "controller" or "agent": (list . "agent"). */}}
{{- define "gatemend.agentSecret" -}}
{{- $root := index . 0 }}{{ $side := index . 1 }}
{{- if eq $root.Values.agent.tls.source "existing" -}}
{{ required (printf "agent.tls.secrets.%s is needed for agent.tls.source existing" $side) (index $root.Values.agent.tls.secrets $side) }}
{{- else -}}
{{ include "gatemend.agent" $root }}-{{ $side }}-tls
{{- end }}
{{- end }}
