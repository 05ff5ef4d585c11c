# Two that look, since one could be away: CloudWatch at the machines, from outside, and Prometheus at the nodes, from within. Both
# speak through one topic.

data "aws_caller_identity" "current" {}

locals {
  tags = merge(var.tags, { Name = var.name })

  # What to look at: namespace, metric, dimensions, and when it is bad for how many minutes.
  alarms = merge(
    {
      "nodes-missing" = {
        about      = "Fewer nodes are in service than there should be."
        namespace  = "AWS/AutoScaling", metric = "GroupInServiceInstances", statistic = "Minimum"
        dimensions = { AutoScalingGroupName = var.node_group }
        comparison = "LessThanThreshold", threshold = var.nodes, minutes = 15, missing = "breaching"
      }
    },
    { for name, id in merge(var.machines, { monitoring = aws_instance.this.id }) : "machine-${name}" => {
      about      = "The machine ${name} fails its status checks."
      namespace  = "AWS/EC2", metric = "StatusCheckFailed", statistic = "Maximum"
      dimensions = { InstanceId = id }
      comparison = "GreaterThanThreshold", threshold = 0, minutes = 3, missing = "breaching"
    } },
    merge([for id in var.database_id == null ? [] : [var.database_id] : {
      "database-disk" = {
        about      = "The database has less than 5 GiB left."
        namespace  = "AWS/RDS", metric = "FreeStorageSpace", statistic = "Minimum"
        dimensions = { DBInstanceIdentifier = id }
        comparison = "LessThanThreshold", threshold = 5368709120, minutes = 5, missing = "breaching"
      }
      "database-cpu" = {
        about      = "The database has been busy to nine tenths for a quarter of an hour."
        namespace  = "AWS/RDS", metric = "CPUUtilization", statistic = "Average"
        dimensions = { DBInstanceIdentifier = id }
        comparison = "GreaterThanThreshold", threshold = 90, minutes = 15, missing = "missing"
      }
      "database-memory" = {
        about      = "The database has less than 256 MiB of memory left."
        namespace  = "AWS/RDS", metric = "FreeableMemory", statistic = "Average"
        dimensions = { DBInstanceIdentifier = id }
        comparison = "LessThanThreshold", threshold = 268435456, minutes = 10, missing = "missing"
      }
    }]...),
    { for name, id in var.cache_members : "cache-${name}-cpu" => {
      about      = "Redis (${name}) has been busy to nine tenths for a quarter of an hour."
      namespace  = "AWS/ElastiCache", metric = "EngineCPUUtilization", statistic = "Average"
      dimensions = { CacheClusterId = id }
      comparison = "GreaterThanThreshold", threshold = 90, minutes = 15, missing = "missing"
    } },
  )
}

resource "aws_sns_topic" "this" {
  name              = var.name
  kms_master_key_id = var.key_arn
  tags              = var.tags
}

resource "aws_sns_topic_policy" "this" {
  arn = aws_sns_topic.this.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Alarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.this.arn
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = var.emails
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.about
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
  tags                = var.tags
}

module "boot" {
  source        = "../boot"
  region        = var.region
  packages      = ["prometheus", "prometheus-alertmanager"]
  session_agent = var.session_agent
  files = merge(
    {
      "/etc/atelier/prometheus.yml" = { content = templatefile("${path.module}/templates/prometheus.yml", {
        region = var.region
        group  = var.node_group
      }) }
      "/etc/atelier/alertmanager.yml" = { content = templatefile("${path.module}/templates/alertmanager.yml", {
        region = var.region
        topic  = aws_sns_topic.this.arn
        name   = var.name
      }) }
    },
    { for name, content in var.rules : "/etc/atelier/rules/${name}" => { content = content } },
  )
  setup = templatefile("${path.module}/templates/setup.sh", { history = floor(var.disk_gib * 2 / 3) })
}

module "role" {
  source      = "../role"
  name        = var.name
  key_arn     = var.key_arn
  object_arns = module.boot.object_arns
  statements = [
    # Neither knows resources.
    { sid = "Nodes", actions = ["ec2:DescribeInstances", "ec2:DescribeAvailabilityZones"], resources = ["*"] },
    { sid = "Alerts", actions = ["sns:Publish"], resources = [aws_sns_topic.this.arn] },
    { sid = "AlertsKey", actions = ["kms:GenerateDataKey", "kms:Decrypt"], resources = [var.key_arn], conditions = {
      StringEquals = { "kms:ViaService" = "sns.${var.region}.amazonaws.com" }
    } },
  ]
  tags = var.tags
}

resource "aws_security_group" "this" {
  name        = var.name
  description = "Prometheus of atelier-edge; to be seen through a session, so nobody comes in"
  vpc_id      = var.vpc_id
  tags        = local.tags
}

# Debian's mirrors are http (their packages are signed), AWS is https. The nodes add themselves.
resource "aws_vpc_security_group_egress_rule" "out" {
  for_each          = toset(["80", "443"])
  security_group_id = aws_security_group.this.id
  description       = "Packages, alerts, sessions"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.key
  to_port           = each.key
}

resource "aws_instance" "this" {
  ami                         = var.ami_id
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  vpc_security_group_ids      = [aws_security_group.this.id]
  iam_instance_profile        = module.role.profile_name
  user_data_base64            = module.boot.user_data
  user_data_replace_on_change = true
  associate_public_ip_address = false
  ebs_optimized               = true
  monitoring                  = var.detailed_monitoring
  tags                        = local.tags

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = var.disk_gib
    encrypted   = true
    tags        = local.tags
  }
}
