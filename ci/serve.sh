#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Serves FILES over HTTPS on localhost with nginx, as any web server or CDN would, and takes reports at /report. Logs in DIR:
# access.log (method, range, bytes, status), reports.log (a JSON body a line). Runs until killed. Usage: ci/serve.sh DIR FILES PKI PORT [RATE]
set -euo pipefail
mkdir -p "$1"
dir=$(cd "$1" && pwd) files=$(cd "$2" && pwd) pki=$(cd "$3" && pwd) port=$4 rate=${5:-0}
cat >"$dir/nginx.conf" <<CONF
daemon off;
worker_processes 1;
user root;
pid $dir/nginx.pid;
error_log $dir/error.log;
events { worker_connections 64; }
http {
	log_format transfer '\$msec "\$request" \$status "\$http_range" \$body_bytes_sent';
	log_format report escape=none '\$request_body';
	access_log $dir/access.log transfer;
	client_body_temp_path $dir/body; proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/fastcgi; uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;
	types { application/octet-stream ota; }
	server {
		listen 127.0.0.1:$port ssl;
		server_name localhost;
		ssl_certificate $pki/tls.pem;
		ssl_certificate_key $pki/tls.key;
		location / { root $files; limit_rate $rate; }
		location /report { access_log $dir/reports.log report; proxy_pass http://unix:$dir/sink.sock:/; }
	}
	server { listen unix:$dir/sink.sock; access_log off; location / { return 204; } }
}
CONF
rm -f "$dir/sink.sock" "$dir/access.log" "$dir/reports.log"
[ "$(id -u)" -eq 0 ] || sed -i '/^user root;$/d' "$dir/nginx.conf"
exec /usr/sbin/nginx -e "$dir/error.log" -p "$dir" -c "$dir/nginx.conf"
