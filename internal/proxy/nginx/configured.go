package nginx

import "strings"

// logFormat is the form of access lines, as [Compile] takes it, that a controller's own ConfigMap sets: the keys are those of
// ingress-nginx (docs/user-guide/nginx-configuration/configmap.md) and of F5's controller
// (docs/content/configuration/global-configuration/configmap-resource.md), which puts several lines together.
func logFormat(data map[string]string) string {
	if format := strings.TrimSpace(data["log-format-upstream"]); format != "" {
		switch {
		case data["log-format-escape-none"] == "true":
			return "escape=none " + format
		case data["log-format-escape-json"] == "true":
			return "escape=json " + format
		}
		return format
	}
	format := strings.ReplaceAll(strings.TrimSpace(data["log-format"]), "\n", "")
	if escape := data["log-format-escaping"]; escape != "" && format != "" {
		return "escape=" + escape + " " + format
	}
	return format
}
