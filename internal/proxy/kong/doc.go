// Package kong knows Kong, whose engine is nginx: its access and error logs are nginx's with an id at the end
// (Kong/kong, kong/templates/nginx_kong.lua), its answers are its own. What its log plugins write is one JSON object
// per request (kong/pdk/log.lua).
package kong
