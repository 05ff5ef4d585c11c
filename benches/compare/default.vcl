vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "@ORIGIN@"; }
sub vcl_backend_response {
    unset beresp.http.Cache-Control;
    set beresp.ttl = 5m;
}
