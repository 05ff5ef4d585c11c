mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name    = "atelier"
  zones   = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  key_arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
}

run "private_means_private" {
  assert {
    condition     = alltrue([for s in concat(values(aws_subnet.public), values(aws_subnet.private)) : !s.map_public_ip_on_launch])
    error_message = "Nothing gets a public address without asking."
  }
  assert {
    condition     = length(distinct(concat(values(aws_subnet.public)[*].cidr_block, values(aws_subnet.private)[*].cidr_block))) == 6
    error_message = "The subnets do not overlap."
  }
  assert {
    condition     = alltrue([for r in aws_route.out : r.gateway_id == null && r.nat_gateway_id != null])
    error_message = "The way out of private subnets is the NAT gateway."
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 1
    error_message = "One NAT gateway, unless more are asked for."
  }
  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "The default group lets nothing through."
  }
  assert {
    condition     = aws_flow_log.refused.traffic_type == "REJECT" && aws_cloudwatch_log_group.refused.kms_key_id == var.key_arn && aws_cloudwatch_log_group.refused.retention_in_days == 365
    error_message = "What was refused is logged, encrypted, for a year."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.refused.policy).Statement : s.Resource == ["${aws_cloudwatch_log_group.refused.arn}:*"]])
    error_message = "The flow log writes to its own group only."
  }
}

run "a_way_out_for_each_zone" {
  variables {
    nat_per_zone = true
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_eip.nat) == 3
    error_message = "Each zone has a NAT gateway."
  }
}

run "what_is_wrong_is_refused" {
  command = plan
  variables {
    cidr     = "10.0.0.0/24"
    zones    = ["a", "b", "c", "d"]
    log_days = 100
  }
  expect_failures = [var.cidr, var.zones, var.log_days]
}
