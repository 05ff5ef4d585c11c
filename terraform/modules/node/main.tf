# The nodes: a group of equal machines, replaced one third at a time when anything about them changes.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  api     = 8080
  admin   = 9090 # on loopback
  shown   = 9091
  group   = "arn:${data.aws_partition.current.partition}:autoscaling:${var.region}:${data.aws_caller_identity.current.account_id}:autoScalingGroup:*:autoScalingGroupName/${var.name}"
  ca_file = "/etc/atelier-edge/database-ca.pem"
  # A roll starts a new node before it stops an old one.
  spare = ceil(var.size / 3)

  ca_parameters = var.database.ca_parameter == null ? [] : [var.database.ca_parameter]
  redis         = var.redis == null ? [] : [var.redis]

  # The passwords are not here: they are credentials of the unit.
  settings = merge(
    {
      ATELIER_LISTEN     = "0.0.0.0:${local.api}"
      DATABASE_URL       = "postgres://${var.database.user}@${var.database.host}:${var.database.port}/${var.database.name}?sslmode=verify-full"
      ATELIER_DB_CA_FILE = local.ca_file
    },
    { for redis in local.redis : "REDIS_URL" => "rediss://${redis.user}@${redis.host}:${redis.port}/0" },
    { for redis in local.redis : "ATELIER_REDIS_CA_FILE" => local.ca_file if redis.own_ca },
    var.settings,
  )
}

module "boot" {
  source = "../boot"
  region = var.region

  session_agent = var.session_agent
  debs          = [var.package]
  # nginx shows the network two pages of the admin listener, which itself stays on loopback.
  packages = ["nginx"]
  files = {
    "/etc/atelier-edge/atelier-edge.env" = { content = templatefile("${path.module}/templates/atelier-edge.env", { settings = local.settings }) }
    # The package's units, told where the credentials are and that the network may come in.
    "/etc/systemd/system/atelier-edge.service.d/secrets.conf" = { content = templatefile("${path.module}/templates/secrets.conf", { redis = var.redis != null }) }
    "/etc/systemd/system/atelier-edge.socket.d/listen.conf"   = { content = templatefile("${path.module}/templates/listen.conf", { port = local.api }) }
    "/etc/atelier-edge/shown.conf"                            = { content = templatefile("${path.module}/templates/shown.conf", { port = local.shown, admin = local.admin }) }
  }
  secrets = merge(
    { "database-password" = var.database.password.name, "admin-token" = var.admin_token.name },
    { for parameter in local.ca_parameters : "database-ca.pem" => parameter.name },
    { for redis in local.redis : "redis-password" => redis.password.name },
  )
  secrets_before = ["atelier-edge.service"]
  secrets_writes = ["/etc/atelier-edge"]
  secrets_then = templatefile("${path.module}/templates/ca.sh", {
    url  = var.database.ca_url
    file = local.ca_file
  })
  setup = templatefile("${path.module}/templates/setup.sh", { admin = local.admin })
  group = var.name
}

module "role" {
  source         = "../role"
  name           = var.name
  key_arn        = var.key_arn
  parameter_arns = concat([var.database.password.arn, var.admin_token.arn], local.ca_parameters[*].arn, [for redis in local.redis : redis.password.arn])
  object_arns    = module.boot.object_arns
  statements     = [{ sid = "Ready", actions = ["autoscaling:CompleteLifecycleAction"], resources = [local.group] }]
  tags           = var.tags
}

resource "aws_security_group" "this" {
  name        = var.name
  description = "Nodes of atelier-edge"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = var.name })
}

resource "aws_vpc_security_group_ingress_rule" "api" {
  for_each                     = var.clients
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = each.value
  description                  = "API, from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = local.api
  to_port                      = local.api
}

resource "aws_vpc_security_group_egress_rule" "api" {
  for_each                     = var.clients
  security_group_id            = each.value
  referenced_security_group_id = aws_security_group.this.id
  description                  = "API of ${var.name}"
  ip_protocol                  = "tcp"
  from_port                    = local.api
  to_port                      = local.api
}

resource "aws_vpc_security_group_ingress_rule" "metrics" {
  for_each                     = var.scrapers
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = each.value
  description                  = "Metrics, from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = local.shown
  to_port                      = local.shown
}

resource "aws_vpc_security_group_egress_rule" "metrics" {
  for_each                     = var.scrapers
  security_group_id            = each.value
  referenced_security_group_id = aws_security_group.this.id
  description                  = "Metrics of ${var.name}"
  ip_protocol                  = "tcp"
  from_port                    = local.shown
  to_port                      = local.shown
}

# Debian's mirrors are http (their packages are signed), AWS is https. Databases add themselves.
resource "aws_vpc_security_group_egress_rule" "out" {
  for_each          = toset(["80", "443"])
  security_group_id = aws_security_group.this.id
  description       = "Packages, parameters, sessions"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.key
  to_port           = each.key
}

resource "aws_launch_template" "this" {
  name                   = var.name
  image_id               = var.ami_id
  instance_type          = var.instance_type
  user_data              = module.boot.user_data
  ebs_optimized          = true
  update_default_version = true
  tags                   = var.tags

  iam_instance_profile {
    arn = module.role.profile_arn
  }

  # Version 2 only, and not over a hop, so that nothing that is made to fetch an address gets the role's keys.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  network_interfaces {
    associate_public_ip_address = false
    security_groups             = [aws_security_group.this.id]
    delete_on_termination       = true
  }

  block_device_mappings {
    device_name = var.root_device
    ebs {
      volume_type           = "gp3"
      volume_size           = 16
      encrypted             = true
      delete_on_termination = true
    }
  }

  monitoring {
    enabled = true
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])
    content {
      resource_type = tag_specifications.value
      tags          = merge(var.tags, { Name = var.name })
    }
  }
}

resource "aws_autoscaling_group" "this" {
  name                    = var.name
  vpc_zone_identifier     = var.subnet_ids
  min_size                = var.size
  desired_capacity        = var.size
  max_size                = var.size + local.spare
  health_check_type       = "EC2"
  default_instance_warmup = 30
  # `terraform apply` ends when every node has said that it is ready.
  wait_for_capacity_timeout = "20m"
  enabled_metrics           = ["GroupInServiceInstances", "GroupDesiredCapacity", "GroupPendingInstances"]

  # By number and not '$Latest', so that going back is possible.
  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  # A node counts when it can answer; one that never can ends the roll, and the former version comes back.
  initial_lifecycle_hook {
    name                 = "ready"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    heartbeat_timeout    = 900
    default_result       = "ABANDON"
  }

  # A node that is to go is no longer in service at once, and goes when every edge has seen that.
  initial_lifecycle_hook {
    name                 = "leave"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    heartbeat_timeout    = 60
    default_result       = "CONTINUE"
  }

  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 100 + floor(100 * local.spare / var.size)
      instance_warmup        = 30
      auto_rollback          = true
      skip_matching          = true
      dynamic "alarm_specification" {
        for_each = length(var.rollback_alarms) > 0 ? [var.rollback_alarms] : []
        content {
          alarms = alarm_specification.value
        }
      }
    }
  }

  dynamic "tag" {
    for_each = merge(var.tags, { Name = var.name })
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }
}
