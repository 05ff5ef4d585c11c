mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name              = "atelier-database"
  region            = "eu-central-1"
  vpc_id            = "vpc-0123456789abcdef0"
  subnet_id         = "subnet-0123456789abcdef0"
  zone              = "eu-central-1a"
  address           = "10.20.128.20"
  network           = "10.20.0.0/16"
  ami_id            = "ami-0123456789abcdef0"
  package           = { url = "https://example.com/edge.deb", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  database_password = { name = "/atelier/database-password", arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/atelier/database-password" }
  redis_password    = { name = "/atelier/redis-password", arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/atelier/redis-password" }
  clients           = { nodes = "sg-0aaaaaaaaaaaaaaaa" }
  key_arn           = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
}

run "a_machine_lets_in_nodes_with_tls_and_keeps_copies" {
  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required" && aws_instance.this.metadata_options[0].http_put_response_hop_limit == 1 && aws_instance.this.associate_public_ip_address == false
    error_message = "IMDSv2, not over a hop, no public address."
  }
  assert {
    condition     = aws_instance.this.root_block_device[0].encrypted && aws_ebs_volume.data.encrypted && aws_ebs_volume.data.final_snapshot
    error_message = "Both disks are encrypted, and of the data a last snapshot stays."
  }
  assert {
    condition     = { for k, r in aws_vpc_security_group_ingress_rule.this : k => r.from_port == r.to_port && r.cidr_ipv4 == null ? "${r.from_port} ${r.referenced_security_group_id}" : "wrong" } == { "PostgreSQL nodes" = "5432 sg-0aaaaaaaaaaaaaaaa", "Redis nodes" = "6379 sg-0aaaaaaaaaaaaaaaa" }
    error_message = "Nodes come to PostgreSQL and Redis, and nobody else to anything."
  }
  assert {
    condition = { for s in jsondecode(output.policy).Statement : s.Sid => "${join(" ", s.Action)} ${join(" ", s.Resource)}" if !contains(["Sessions", "Key"], s.Sid) } == {
      Parameters = "ssm:GetParameter ${var.database_password.arn} ${var.redis_password.arn}"
      Publish    = "ssm:PutParameter ${aws_ssm_parameter.ca.arn}"
    }
    error_message = "It may read two passwords and publish its certificate: ${output.policy}"
  }
  assert {
    condition     = [for line in split("\n", output.files["/etc/atelier/pg_hba.conf"]) : join(" ", regexall("[^ ]+", line)) if can(regex("^host", line))] == ["hostssl atelier atelier_edge 10.20.0.0/16 scram-sha-256"]
    error_message = "One line lets the network in: ${output.files["/etc/atelier/pg_hba.conf"]}"
  }
  assert {
    condition     = strcontains(output.files["/etc/atelier/redis.conf"], "\nport 0\ntls-port 6379\n") && strcontains(output.files["/etc/atelier/redis.conf"], "bind 127.0.0.1 10.20.128.20\n")
    error_message = "Redis speaks TLS alone."
  }
  assert {
    condition     = strcontains(output.files["/usr/local/sbin/atelier-passwords"], "user default off\n")
    error_message = "In Redis too there is nobody but the nodes' user."
  }
  assert {
    condition     = length(regexall("GRANT ", output.files["/etc/atelier/rights.sql"])) > 10 && strcontains(output.files["/usr/local/sbin/atelier-boot"], "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0")
    error_message = "The rights of README.md, and the disk by its number."
  }
  assert {
    condition     = aws_dlm_lifecycle_policy.snapshots[0].policy_details[0].target_tags["Snapshots"] == aws_ebs_volume.data.tags["Snapshots"] && aws_dlm_lifecycle_policy.snapshots[0].policy_details[0].schedule[0].retain_rule[0].count == 14
    error_message = "The disk is among those that are copied, and a fortnight of copies is kept."
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.snapshots[0].policy).Statement : s.Condition if s.Sid == "Drop"]).StringEquals["aws:ResourceTag/Snapshots"] == "atelier-database"
    error_message = "Only its own snapshots are dropped."
  }
}

run "what_is_wrong_is_refused" {
  command = plan
  variables {
    address   = "database.internal"
    network   = "0.0.0.0/0"
    disk_gib  = 1
    snapshots = -1
    ami_id    = "debian"
  }
  expect_failures = [var.address, var.network, var.disk_gib, var.snapshots, var.ami_id]
}
