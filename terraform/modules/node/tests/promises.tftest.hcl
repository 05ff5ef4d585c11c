mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name          = "atelier-node"
  region        = "eu-central-1"
  vpc_id        = "vpc-0123456789abcdef0"
  subnet_ids    = ["subnet-0123456789abcdef0"]
  ami_id        = "ami-0123456789abcdef0"
  package       = { url = "s3://bucket/edge.deb", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  session_agent = { url = "https://example.com/agent.deb", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  admin_token   = { name = "/atelier/admin-token", arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/atelier/admin-token" }
  clients       = { edge = "sg-0aaaaaaaaaaaaaaaa" }
  scrapers      = { monitoring = "sg-0bbbbbbbbbbbbbbbb" }
  key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  settings      = { ATELIER_TTL_PRODUCT = "600s" }
  tags          = { Project = "atelier-edge" }
  database = {
    host         = "10.20.128.20"
    password     = { name = "/atelier/database-password", arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/atelier/database-password" }
    ca_parameter = { name = "/atelier-database/ca", arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/atelier-database/ca" }
  }
  redis = {
    host     = "10.20.128.20"
    password = { name = "/atelier/redis-password", arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/atelier/redis-password" }
    own_ca   = true
  }
}

run "a_node_is_private_verified_and_rolled" {
  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required" && aws_launch_template.this.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "IMDSv2, and not over a hop."
  }
  assert {
    condition     = alltrue([for d in aws_launch_template.this.block_device_mappings : d.ebs[0].encrypted == "true"])
    error_message = "Disks are encrypted."
  }
  assert {
    condition     = alltrue([for i in aws_launch_template.this.network_interfaces : i.associate_public_ip_address == "false"]) && aws_launch_template.this.key_name == null
    error_message = "No public address and no key for SSH."
  }
  assert {
    condition     = toset(aws_launch_template.this.tag_specifications[*].resource_type) == toset(["instance", "volume", "network-interface"]) && alltrue([for t in aws_launch_template.this.tag_specifications : t.tags["Project"] == "atelier-edge"])
    error_message = "What the group makes has the tags too."
  }
  assert {
    condition     = alltrue([for r in concat(values(aws_vpc_security_group_ingress_rule.api), values(aws_vpc_security_group_ingress_rule.metrics)) : r.cidr_ipv4 == null && r.cidr_ipv6 == null && r.referenced_security_group_id != null])
    error_message = "Who comes in is a group, not an address."
  }
  assert {
    condition     = { for k, r in aws_vpc_security_group_ingress_rule.api : k => [r.from_port, r.to_port] } == { edge = [8080, 8080] } && { for k, r in aws_vpc_security_group_ingress_rule.metrics : k => [r.from_port, r.to_port] } == { monitoring = [9091, 9091] }
    error_message = "The API for edges, metrics for Prometheus; port 22 for nobody."
  }
  assert {
    condition     = !strcontains(output.files["/etc/atelier-edge/atelier-edge.env"], "ATELIER_ADMIN_LISTEN") && length(regexall("location", output.files["/etc/atelier-edge/shown.conf"])) == 3
    error_message = "The admin listener stays on loopback; two of its pages are shown, and the rest is 404."
  }
  assert {
    condition     = keys(aws_vpc_security_group_egress_rule.out) == ["443", "80"]
    error_message = "Out go packages, parameters and sessions."
  }
  assert {
    condition     = aws_autoscaling_group.this.instance_refresh[0].strategy == "Rolling" && aws_autoscaling_group.this.instance_refresh[0].preferences[0].min_healthy_percentage == 100 && aws_autoscaling_group.this.instance_refresh[0].preferences[0].max_healthy_percentage == 133 && aws_autoscaling_group.this.instance_refresh[0].preferences[0].auto_rollback
    error_message = "Never fewer than there should be, a third more, and back when it does not work."
  }
  assert {
    condition     = aws_autoscaling_group.this.min_size == 3 && aws_autoscaling_group.this.max_size == 4
    error_message = "There is room for the new one."
  }
  assert {
    condition     = one(aws_autoscaling_group.this.launch_template).version == "7"
    error_message = "The version is a number: '$Latest' cannot be gone back from."
  }
  assert {
    condition     = { for h in aws_autoscaling_group.this.initial_lifecycle_hook : h.name => "${h.lifecycle_transition} ${h.default_result} ${h.heartbeat_timeout}" } == { ready = "autoscaling:EC2_INSTANCE_LAUNCHING ABANDON 900", leave = "autoscaling:EC2_INSTANCE_TERMINATING CONTINUE 60" }
    error_message = "In service is who said so; who is to go waits until the edges have seen it."
  }
  assert {
    condition     = length(regexall("(?s)until curl -fs -o /dev/null http://127.0.0.1:9090/readyz; do\n.*complete-lifecycle-action.*CONTINUE", output.files["/usr/local/sbin/atelier-boot"])) == 1
    error_message = "It says so when it can answer."
  }
  assert {
    condition     = [for line in split("\n", output.files["/etc/atelier-edge/atelier-edge.env"]) : line if line != "" && !startswith(line, "#")] == ["ATELIER_DB_CA_FILE=/etc/atelier-edge/database-ca.pem", "ATELIER_LISTEN=0.0.0.0:8080", "ATELIER_REDIS_CA_FILE=/etc/atelier-edge/database-ca.pem", "ATELIER_TTL_PRODUCT=600s", "DATABASE_URL=postgres://atelier_edge@10.20.128.20:5432/atelier?sslmode=verify-full", "REDIS_URL=rediss://atelier_edge@10.20.128.20:6379/0"]
    error_message = "Addresses and settings, no password: ${output.files["/etc/atelier-edge/atelier-edge.env"]}"
  }
  assert {
    condition     = alltrue([for what in ["database-password", "redis-password", "admin-token"] : strcontains(output.files["/etc/systemd/system/atelier-edge.service.d/secrets.conf"], "LoadCredential=atelier.${what}:/run/atelier-secrets/${what}\n") && strcontains(output.files["/usr/local/sbin/atelier-secrets"], "fetch '${what}' '/atelier/${what}'\n")])
    error_message = "Passwords and token are credentials of the unit, fetched before it starts."
  }
  assert {
    condition     = { for s in jsondecode(output.policy).Statement : s.Sid => s.Resource if !contains(["Sessions", "Key"], s.Sid) } == { Parameters = [var.database.password.arn, var.admin_token.arn, var.database.ca_parameter.arn, var.redis.password.arn], Packages = ["arn:aws:s3:::bucket/edge.deb"], Ready = ["arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*:autoScalingGroupName/atelier-node"] }
    error_message = "A node may read its own parameters and its package, and say that it is ready: ${output.policy}"
  }
}

run "without_redis_and_with_certificates_from_rds" {
  variables {
    redis = null
    database = {
      host     = "db.example.com"
      password = { name = "/atelier/database-password", arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/atelier/database-password" }
      ca_url   = "https://truststore.pki.rds.amazonaws.com/eu-central-1/eu-central-1-bundle.pem"
    }
  }
  assert {
    condition     = !strcontains(jsonencode(output.files), "redis-password") && !strcontains(jsonencode(output.files), "REDIS_URL")
    error_message = "Without Redis nothing speaks of it."
  }
  assert {
    condition     = strcontains(output.files["/usr/local/sbin/atelier-secrets"], "--proto '=https' --retry 5 -o database-ca.pem 'https://truststore.pki")
    error_message = "The certificates are fetched."
  }
}

run "a_password_file_among_the_settings_is_refused" {
  command = plan
  variables {
    settings = { ATELIER_DATABASE_PASSWORD_FILE = "/x" }
  }
  expect_failures = [var.settings]
}

run "a_value_that_a_shell_would_read_is_refused" {
  command = plan
  variables {
    settings = { ATELIER_LOG = "info; reboot" }
  }
  expect_failures = [var.settings]
}

run "what_is_wrong_is_refused" {
  command = plan
  variables {
    database = { host = "db", password = { name = "/a/b", arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/a/b" } }
    settings = { ATELIER_ADMIN_LISTEN = "0.0.0.0:9090" }
    size     = 1
    ami_id   = "debian-12"
  }
  expect_failures = [var.database, var.settings, var.size, var.ami_id]
}
