mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name          = "atelier-monitoring"
  region        = "eu-central-1"
  vpc_id        = "vpc-0123456789abcdef0"
  subnet_id     = "subnet-0123456789abcdef0"
  ami_id        = "ami-0123456789abcdef0"
  node_group    = "atelier-node"
  nodes         = 3
  emails        = ["sre@example.com"]
  machines      = { database = "i-0aaaaaaaaaaaaaaaa" }
  database_id   = "atelier-database"
  cache_members = { "1" = "atelier-cache-001" }
  rules         = { "edge.rules.yml" = "groups: []\n" }
  key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
}

run "two_look_and_nobody_comes_in" {
  assert {
    condition     = join(" ", keys(aws_cloudwatch_metric_alarm.this)) == "cache-1-cpu database-cpu database-disk database-memory machine-database machine-monitoring nodes-missing"
    error_message = "Each part has its alarms: ${join(" ", keys(aws_cloudwatch_metric_alarm.this))}"
  }
  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.this : a.alarm_actions == toset([aws_sns_topic.this.arn]) && a.ok_actions == toset([aws_sns_topic.this.arn])])
    error_message = "Alarms are told, and their end too."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["nodes-missing"].threshold == 3 && aws_cloudwatch_metric_alarm.this["nodes-missing"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["machine-monitoring"].dimensions == tomap({ InstanceId = aws_instance.this.id })
    error_message = "Fewer nodes than there should be, and the machine that looks at the rest, are alarms."
  }
  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.key_arn && aws_sns_topic_subscription.email["sre@example.com"].protocol == "email"
    error_message = "Alerts are encrypted and come by mail."
  }
  assert {
    condition     = strcontains(output.files["/etc/atelier/prometheus.yml"], "values: [\"atelier-node\"]") && strcontains(output.files["/etc/atelier/prometheus.yml"], "port: 9091\n") && output.files["/etc/atelier/rules/edge.rules.yml"] == "groups: []\n"
    error_message = "Prometheus finds the nodes by their name, and has the project's rules."
  }
  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required" && aws_instance.this.root_block_device[0].encrypted && aws_instance.this.associate_public_ip_address == false
    error_message = "IMDSv2, encrypted, private."
  }
  assert {
    condition     = length(aws_security_group.this.ingress) == 0
    error_message = "Pages are looked at through a session."
  }
  assert {
    condition     = { for s in jsondecode(output.policy).Statement : s.Sid => join(" ", s.Action) if s.Sid != "Sessions" } == { Nodes = "ec2:DescribeInstances ec2:DescribeAvailabilityZones", Alerts = "sns:Publish", AlertsKey = "kms:GenerateDataKey kms:Decrypt" }
    error_message = "It may look for nodes and send alerts: ${output.policy}"
  }
}

run "what_is_wrong_is_refused" {
  command = plan
  variables {
    rules    = { "edge.rules.yml" = "alerts: []" }
    emails   = ["sre"]
    disk_gib = 8
    ami_id   = "debian"
  }
  expect_failures = [var.rules, var.emails, var.disk_gib, var.ami_id]
}
