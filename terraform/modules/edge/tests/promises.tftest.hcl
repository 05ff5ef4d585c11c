mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name               = "atelier-edge"
  region             = "eu-central-1"
  vpc_id             = "vpc-0123456789abcdef0"
  public_subnet_ids  = ["subnet-0aaaaaaaaaaaaaaaa"]
  private_subnet_ids = ["subnet-0bbbbbbbbbbbbbbbb"]
  ami_id             = "ami-0123456789abcdef0"
  server_name        = "api.example.com"
  node_group         = "atelier-node"
  key_arn            = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  tls = {
    certificate = { name = "/atelier/tls-certificate", arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/atelier/tls-certificate" }
    key         = { name = "/atelier/tls-key", arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/atelier/tls-key" }
  }
}

run "one_machine_is_the_site" {
  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required" && aws_launch_template.this.metadata_options[0].http_put_response_hop_limit == 1 && aws_launch_template.this.key_name == null
    error_message = "IMDSv2, not over a hop, and no key for SSH."
  }
  assert {
    condition     = alltrue([for d in aws_launch_template.this.block_device_mappings : d.ebs[0].encrypted == "true"])
    error_message = "Disks are encrypted."
  }
  assert {
    condition     = { for k, r in aws_vpc_security_group_ingress_rule.internet : k => "${r.cidr_ipv4} ${r.from_port}-${r.to_port}" } == { "80" = "0.0.0.0/0 80-80", "443" = "0.0.0.0/0 443-443" }
    error_message = "Everybody comes to ports 80 and 443, and to no other."
  }
  assert {
    condition     = length(aws_lb.this) == 0 && length(aws_vpc_security_group_ingress_rule.front) == 0 && length(aws_eip.this) == 1 && output.address == "192.0.2.1"
    error_message = "It has an address of its own and nothing before it."
  }
  assert {
    condition     = aws_autoscaling_group.this.max_size == 2 && aws_autoscaling_group.this.instance_refresh[0].preferences[0].min_healthy_percentage == 100 && aws_autoscaling_group.this.instance_refresh[0].preferences[0].max_healthy_percentage == 200
    error_message = "The next one is there before this one goes."
  }
  assert {
    condition = { for s in jsondecode(output.policy).Statement : s.Sid => "${join(" ", s.Action)} ${join(" ", s.Resource)}" if !contains(["Sessions", "Key"], s.Sid) } == {
      Parameters    = "ssm:GetParameter ${var.tls.certificate.arn} ${var.tls.key.arn}"
      Nodes         = "autoscaling:DescribeAutoScalingGroups ec2:DescribeInstances *"
      Ready         = "autoscaling:CompleteLifecycleAction arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*:autoScalingGroupName/atelier-edge"
      Address       = "ec2:AssociateAddress arn:aws:ec2:eu-central-1:123456789012:elastic-ip/eipalloc-0123456789abcdef0"
      AddressOfThis = "ec2:AssociateAddress arn:aws:ec2:eu-central-1:123456789012:instance/* arn:aws:ec2:eu-central-1:123456789012:network-interface/*"
    }
    error_message = "An edge may read its certificate, look for nodes and take its address: ${output.policy}"
  }
  assert {
    condition     = one([for s in jsondecode(output.policy).Statement : s.Condition if s.Sid == "AddressOfThis"]).StringEquals["aws:ResourceTag/Name"] == "atelier-edge"
    error_message = "The address goes to edges only."
  }
  assert {
    condition     = !strcontains(replace(output.files["/etc/nginx/atelier/read.conf"], "Never http_503", ""), "http_503") && length(regexall("proxy_next_upstream off;", output.files["/etc/nginx/atelier/api.conf"])) == 1
    error_message = "A busy node's 503 is an answer, and a write is sent once."
  }
  assert {
    condition     = alltrue([for part in ["rate=200r/s", "limit_req zone=atelier_rate burst=400 nodelay;", "limit_conn atelier_connections 50;"] : strcontains(output.files["/etc/nginx/atelier/local/site.conf"], part)])
    error_message = "A client gets so much."
  }
  assert {
    condition     = strcontains(output.files["/etc/nginx/atelier/tls.conf"], "ssl_protocols TLSv1.2 TLSv1.3;") && length(regexall("ssl_certificate(_key)? /run/atelier-secrets/tls", output.files["/etc/nginx/atelier/local/site.conf"])) == 2 && !strcontains(output.files["/etc/nginx/atelier/local/site.conf"], "/etc/ssl")
    error_message = "TLS 1.2 and 1.3, with the certificate from the parameter store."
  }
  assert {
    condition     = strcontains(output.files["/etc/nginx/atelier/local/site.conf"], "listen 8081;") && strcontains(output.files["/etc/nginx/atelier/status.conf"], "deny all;")
    error_message = "The load balancer may ask whether nginx is here, and nothing else."
  }
  assert {
    # Whatever is included is there.
    condition     = length(setsubtract(flatten([for name, text in output.files : regexall("include (atelier/[a-z/]+[.]conf);", text) if endswith(name, ".conf")]), [for name, text in output.files : trimprefix(name, "/etc/nginx/")])) == 0
    error_message = "A part of nginx's configuration is missing."
  }
  assert {
    condition     = strcontains(output.files["/etc/systemd/system/atelier-upstreams.service"], "--group atelier-node ")
    error_message = "The nodes are those of the group."
  }
}

run "two_stand_behind_a_load_balancer" {
  variables {
    size        = 2
    server_name = "shop.example.org"
    limits      = { rate = 7, burst = 8, connections = 9 }
  }
  assert {
    condition     = length(regexall("(server_name|https://)\\s*shop[.]example[.]org[;$]", output.files["/etc/nginx/atelier/local/site.conf"])) == 3 && !strcontains(output.files["/etc/nginx/atelier/local/site.conf"], "example.com") && alltrue([for part in ["rate=7r/s", "burst=8 nodelay", "connections 9;"] : strcontains(output.files["/etc/nginx/atelier/local/site.conf"], part)])
    error_message = "The site has its own name and limits: ${output.files["/etc/nginx/atelier/local/site.conf"]}"
  }
  assert {
    condition     = aws_lb.this[0].load_balancer_type == "network" && aws_lb.this[0].enable_deletion_protection && output.address == "edge.example.com" && length(aws_eip.this) == 0
    error_message = "The address is the load balancer's, which is not deleted by mistake."
  }
  assert {
    condition     = alltrue([for i in aws_launch_template.this.network_interfaces : i.associate_public_ip_address == "false"]) && aws_autoscaling_group.this.vpc_zone_identifier == toset(var.private_subnet_ids)
    error_message = "The machines are private."
  }
  assert {
    condition     = join(" ", keys(aws_vpc_security_group_ingress_rule.front)) == "443 80 8081" && alltrue([for r in aws_vpc_security_group_ingress_rule.front : r.cidr_ipv4 == null && r.referenced_security_group_id == aws_security_group.front[0].id])
    error_message = "Only the load balancer comes to them."
  }
  assert {
    condition     = { for k, l in aws_lb_listener.this : k => "${l.protocol} ${l.port}" } == { "80" = "TCP 80", "443" = "TCP 443" } && alltrue([for g in aws_lb_target_group.this : g.preserve_client_ip == "true" && g.health_check[0].path == "/"])
    error_message = "TCP passes through, with the clients' addresses."
  }
  assert {
    condition     = aws_autoscaling_group.this.health_check_type == "ELB" && aws_autoscaling_group.this.min_size == 2 && aws_autoscaling_group.this.instance_refresh[0].preferences[0].max_healthy_percentage == 150
    error_message = "A machine that does not answer is replaced."
  }
  assert {
    condition     = !strcontains(output.policy, "AssociateAddress")
    error_message = "There is no address to take."
  }
}

run "what_is_wrong_is_refused" {
  command = plan
  variables {
    name        = "Edge"
    size        = 9
    ami_id      = "debian"
    server_name = "api.example.com; include /etc/passwd"
    limits      = { rate = 0 }
  }
  expect_failures = [var.name, var.size, var.ami_id, var.server_name, var.limits]
}

run "two_without_private_subnets_are_refused" {
  command = plan
  variables {
    size               = 2
    private_subnet_ids = []
  }
  expect_failures = [var.size]
}
