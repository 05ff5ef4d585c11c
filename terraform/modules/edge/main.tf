# nginx before the nodes. One machine keeps an elastic address; two and more stand behind a network load balancer, which passes
# TCP through, so that TLS, limits and retries are nginx's either way. Machines are replaced like nodes: a new one first.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  # nginx as the project ships it, and its tests run it. This machine's own are a name, a certificate, limits and who sees its state.
  shipped = "${path.module}/../../../nginx"
  names   = replace(file("${local.shipped}/atelier/local/site.conf"), "api.example.com", var.server_name)
  tls     = replace(local.names, "/etc/ssl/atelier", "/run/atelier-secrets")
  rate    = replace(local.tls, "rate=200r/s", "rate=${var.limits.rate}r/s")
  burst   = replace(local.rate, "burst=400 ", "burst=${var.limits.burst} ")
  limited = replace(local.burst, "atelier_connections 50;", "atelier_connections ${var.limits.connections};")
  site    = replace(local.limited, "listen 127.0.0.1:8081;", "listen ${local.health};")

  balanced = var.size > 1
  health   = 8081
  ports    = toset(["80", "443"])
  tags     = merge(var.tags, { Name = var.name })
  prefix   = "arn:${data.aws_partition.current.partition}:ec2:${var.region}:${data.aws_caller_identity.current.account_id}"
  group    = "arn:${data.aws_partition.current.partition}:autoscaling:${var.region}:${data.aws_caller_identity.current.account_id}:autoScalingGroup:*:autoScalingGroupName/${var.name}"
  # Who may come in: everybody, at the load balancer if there is one.
  front = local.balanced ? aws_security_group.front[0].id : aws_security_group.this.id
}

module "boot" {
  source        = "../boot"
  region        = var.region
  packages      = ["nginx", "python3-boto3"]
  session_agent = var.session_agent
  files = merge({ for name in fileset("${local.shipped}/atelier", "*.conf") : "/etc/nginx/atelier/${name}" => { content = file("${local.shipped}/atelier/${name}") } }, {
    # The package would keep its own.
    "/etc/atelier/nginx.conf"             = { content = file("${local.shipped}/nginx.conf") }
    "/etc/nginx/atelier/local/site.conf"  = { content = local.site }
    "/etc/nginx/atelier/local/nodes.conf" = { content = "server 127.0.0.1:8080 down; # until the nodes are known\n" }
    "/usr/local/sbin/atelier-upstreams" = {
      content = file("${path.module}/templates/upstreams.py")
      mode    = "0755"
    }
    "/etc/systemd/system/atelier-upstreams.service" = { content = templatefile("${path.module}/templates/atelier-upstreams.service", {
      region = var.region
      group  = var.node_group
    }) }
    "/etc/systemd/system/atelier-certificate.service" = { content = file("${path.module}/templates/atelier-certificate.service") }
    "/etc/systemd/system/atelier-certificate.timer"   = { content = file("${path.module}/templates/atelier-certificate.timer") }
  })
  secrets        = { "tls.crt" = var.tls.certificate.name, "tls.key" = var.tls.key.name }
  secrets_before = ["nginx.service"]
  group          = var.name
  # A certificate and a key that do not belong together would end nginx at its next start.
  secrets_then = file("${path.module}/templates/certificate.sh")
  prepare      = "systemctl stop nginx.service # Debian's own site, until ours is there"
  setup = templatefile("${path.module}/templates/setup.sh", {
    address = local.balanced ? null : aws_eip.this[0].allocation_id
    nodes   = var.node_group
  })
}

module "role" {
  source         = "../role"
  name           = var.name
  key_arn        = var.key_arn
  parameter_arns = [var.tls.certificate.arn, var.tls.key.arn]
  object_arns    = module.boot.object_arns
  statements = concat(
    # Neither knows resources.
    [{ sid = "Nodes", actions = ["autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances"], resources = ["*"], conditions = {} }],
    [{ sid = "Ready", actions = ["autoscaling:CompleteLifecycleAction"], resources = [local.group], conditions = {} }],
    [for address in aws_eip.this : {
      sid        = "Address"
      actions    = ["ec2:AssociateAddress"]
      resources  = ["${local.prefix}:elastic-ip/${address.allocation_id}"]
      conditions = {}
    }],
    [for address in aws_eip.this : {
      sid        = "AddressOfThis"
      actions    = ["ec2:AssociateAddress"]
      resources  = ["${local.prefix}:instance/*", "${local.prefix}:network-interface/*"]
      conditions = { StringEquals = { "aws:ResourceTag/Name" = var.name } }
    }],
  )
  tags = var.tags
}

resource "aws_eip" "this" {
  # checkov:skip=CKV2_AWS_19: the machine takes it itself when it is ready.
  count  = local.balanced ? 0 : 1
  domain = "vpc"
  tags   = local.tags
}

resource "aws_security_group" "this" {
  name        = var.name
  description = "nginx before atelier-edge"
  vpc_id      = var.vpc_id
  tags        = local.tags
}

resource "aws_security_group" "front" {
  count       = local.balanced ? 1 : 0
  name        = "${var.name}-front"
  description = "Load balancer before nginx"
  vpc_id      = var.vpc_id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "internet" {
  # checkov:skip=CKV_AWS_260: this is the public site; port 80 only redirects to https.
  for_each          = local.ports
  security_group_id = local.front
  description       = "Clients"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.key
  to_port           = each.key
}

resource "aws_vpc_security_group_ingress_rule" "front" {
  for_each                     = local.balanced ? setunion(local.ports, [tostring(local.health)]) : []
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = aws_security_group.front[0].id
  description                  = "Load balancer"
  ip_protocol                  = "tcp"
  from_port                    = each.key
  to_port                      = each.key
}

resource "aws_vpc_security_group_egress_rule" "front" {
  for_each                     = local.balanced ? setunion(local.ports, [tostring(local.health)]) : []
  security_group_id            = aws_security_group.front[0].id
  referenced_security_group_id = aws_security_group.this.id
  description                  = "nginx"
  ip_protocol                  = "tcp"
  from_port                    = each.key
  to_port                      = each.key
}

# Debian's mirrors are http (their packages are signed), AWS is https. The nodes add themselves.
resource "aws_vpc_security_group_egress_rule" "out" {
  for_each          = local.ports
  security_group_id = aws_security_group.this.id
  description       = "Packages, parameters, sessions"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.key
  to_port           = each.key
}

resource "aws_launch_template" "this" {
  # checkov:skip=CKV_AWS_88: the one machine without a load balancer is the site; behind one, there is no public address.
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

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  network_interfaces {
    # To fetch packages before it has the elastic address.
    associate_public_ip_address = !local.balanced
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
      tags          = local.tags
    }
  }
}

resource "aws_lb" "this" {
  # checkov:skip=CKV_AWS_91: it passes TCP through; the requests are in nginx's log.
  # checkov:skip=CKV2_AWS_20: it passes TCP through; nginx redirects port 80 to https.
  count                            = local.balanced ? 1 : 0
  name                             = var.name
  load_balancer_type               = "network"
  subnets                          = var.public_subnet_ids
  security_groups                  = [aws_security_group.front[0].id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.deletion_protection
  tags                             = local.tags
}

resource "aws_lb_target_group" "this" {
  for_each             = local.balanced ? local.ports : []
  name                 = "${var.name}-${each.key}"
  vpc_id               = var.vpc_id
  port                 = each.key
  protocol             = "TCP"
  deregistration_delay = 60
  # nginx counts by client address.
  preserve_client_ip = true
  tags               = local.tags

  health_check {
    protocol            = "HTTP"
    port                = local.health
    path                = "/"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "this" {
  # checkov:skip=CKV_AWS_2: it passes TCP through; TLS ends at nginx.
  # checkov:skip=CKV_AWS_103: the same; nginx takes TLS 1.2 and 1.3.
  for_each          = local.balanced ? local.ports : []
  load_balancer_arn = aws_lb.this[0].arn
  port              = each.key
  protocol          = "TCP"
  tags              = local.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }
}

resource "aws_autoscaling_group" "this" {
  name                      = var.name
  vpc_zone_identifier       = local.balanced ? var.private_subnet_ids : var.public_subnet_ids
  min_size                  = var.size
  desired_capacity          = var.size
  max_size                  = var.size + 1
  target_group_arns         = [for group in aws_lb_target_group.this : group.arn]
  health_check_type         = local.balanced ? "ELB" : "EC2"
  health_check_grace_period = 600
  default_instance_warmup   = 60
  wait_for_capacity_timeout = "20m"
  enabled_metrics           = ["GroupInServiceInstances", "GroupDesiredCapacity"]

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  initial_lifecycle_hook {
    name                 = "ready"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    heartbeat_timeout    = 900
    default_result       = "ABANDON"
  }

  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 100 + floor(100 / var.size)
      instance_warmup        = 60
      auto_rollback          = true
      skip_matching          = true
    }
  }

  dynamic "tag" {
    for_each = local.tags
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }
}
