# One machine with PostgreSQL and Redis, and its data on a disk of their own, which outlives it. The certificate that nodes verify it
# by is made on the machine, by an authority whose key is deleted at once; only the authority's certificate is published.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  ports = { PostgreSQL = 5432, Redis = 6379 }
  rules = { for pair in setproduct(keys(local.ports), keys(var.clients)) : "${pair[0]} ${pair[1]}" => {
    service = pair[0], port = local.ports[pair[0]], client = pair[1], group = var.clients[pair[1]]
  } }
  tags = merge(var.tags, { Name = var.name })
}

# What is public needs no key. Its value is the machine's to write.
resource "aws_ssm_parameter" "ca" {
  # checkov:skip=CKV2_AWS_34: the certificate of an authority is public.
  name        = "/${var.name}/ca"
  description = "The certificate that ${var.name} is verified by"
  type        = "String"
  value       = "not published yet"
  tags        = var.tags
  lifecycle {
    ignore_changes = [value]
  }
}

module "boot" {
  source        = "../boot"
  region        = var.region
  packages      = ["postgresql-15", "redis-server", "openssl"]
  session_agent = var.session_agent
  debs          = [var.package]
  files = {
    "/etc/atelier/postgresql.conf" = { content = templatefile("${path.module}/templates/postgresql.conf", { address = var.address }) }
    "/etc/atelier/pg_hba.conf"     = { content = templatefile("${path.module}/templates/pg_hba.conf", { network = var.network }) }
    "/etc/atelier/redis.conf"      = { content = templatefile("${path.module}/templates/redis.conf", { address = var.address }) }
    "/etc/atelier/rights.sql"      = { content = file("${path.module}/../../rights.sql") }
    "/usr/local/sbin/atelier-passwords" = {
      content = file("${path.module}/templates/passwords.sh")
      mode    = "0755"
    }
  }
  secrets = { "database-password" = var.database_password.name, "redis-password" = var.redis_password.name }
  setup = templatefile("${path.module}/templates/setup.sh", {
    address = var.address
    volume  = replace(aws_ebs_volume.data.id, "-", "")
    ca      = aws_ssm_parameter.ca.name
  })
}

module "role" {
  source         = "../role"
  name           = var.name
  key_arn        = var.key_arn
  parameter_arns = [var.database_password.arn, var.redis_password.arn]
  object_arns    = module.boot.object_arns
  statements     = [{ sid = "Publish", actions = ["ssm:PutParameter"], resources = [aws_ssm_parameter.ca.arn] }]
  tags           = var.tags
}

resource "aws_security_group" "this" {
  name        = var.name
  description = "PostgreSQL and Redis of atelier-edge"
  vpc_id      = var.vpc_id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each                     = local.rules
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = each.value.group
  description                  = "${each.value.service}, from ${each.value.client}"
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "client" {
  for_each                     = local.rules
  security_group_id            = each.value.group
  referenced_security_group_id = aws_security_group.this.id
  description                  = "${each.value.service} of ${var.name}"
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

# Debian's mirrors are http (their packages are signed), AWS is https.
resource "aws_vpc_security_group_egress_rule" "out" {
  for_each          = toset(["80", "443"])
  security_group_id = aws_security_group.this.id
  description       = "Packages, parameters, sessions"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.key
  to_port           = each.key
}

resource "aws_ebs_volume" "data" {
  # checkov:skip=CKV_AWS_189: the account's own key for disks serves; a machine that starts needs no grant for it.
  availability_zone = var.zone
  type              = "gp3"
  size              = var.disk_gib
  encrypted         = true
  # When it is destroyed, a last snapshot stays.
  final_snapshot = true
  tags           = merge(local.tags, { Snapshots = var.name })
}

resource "aws_instance" "this" {
  ami                         = var.ami_id
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  private_ip                  = var.address
  vpc_security_group_ids      = [aws_security_group.this.id]
  iam_instance_profile        = module.role.profile_name
  user_data_base64            = module.boot.user_data
  user_data_replace_on_change = true
  associate_public_ip_address = false
  ebs_optimized               = true
  monitoring                  = var.detailed_monitoring
  disable_api_termination     = var.termination_protection
  tags                        = local.tags

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 16
    encrypted   = true
    tags        = local.tags
  }

  lifecycle {
    # The two have to be of one zone.
    precondition {
      condition     = aws_ebs_volume.data.availability_zone == var.zone
      error_message = "The disk is in another zone than the machine."
    }
  }
}

resource "aws_volume_attachment" "data" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.data.id
  instance_id = aws_instance.this.id
  # Before it is detached the machine stops, and PostgreSQL with it in good order.
  stop_instance_before_detaching = true
}

resource "aws_iam_role" "snapshots" {
  count = var.snapshots > 0 ? 1 : 0
  name  = "${var.name}-snapshots"
  tags  = var.tags
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "dlm.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "snapshots" {
  count = var.snapshots > 0 ? 1 : 0
  name  = "${var.name}-snapshots"
  role  = aws_iam_role.snapshots[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      # Looking at them knows no resources.
      { Sid = "Look", Effect = "Allow", Action = ["ec2:DescribeVolumes", "ec2:DescribeSnapshots"], Resource = ["*"] },
      {
        Sid      = "Make"
        Effect   = "Allow"
        Action   = ["ec2:CreateSnapshot"]
        Resource = ["arn:${data.aws_partition.current.partition}:ec2:${var.region}:${data.aws_caller_identity.current.account_id}:volume/${aws_ebs_volume.data.id}", "arn:${data.aws_partition.current.partition}:ec2:${var.region}::snapshot/*"]
      },
      {
        Sid       = "Drop"
        Effect    = "Allow"
        Action    = ["ec2:DeleteSnapshot"]
        Resource  = ["arn:${data.aws_partition.current.partition}:ec2:${var.region}::snapshot/*"]
        Condition = { StringEquals = { "aws:ResourceTag/Snapshots" = var.name } }
      },
      {
        Sid       = "Name"
        Effect    = "Allow"
        Action    = ["ec2:CreateTags"]
        Resource  = ["arn:${data.aws_partition.current.partition}:ec2:${var.region}::snapshot/*"]
        Condition = { StringEquals = { "ec2:CreateAction" = "CreateSnapshot" } }
      },
    ]
  })
}

resource "aws_dlm_lifecycle_policy" "snapshots" {
  count              = var.snapshots > 0 ? 1 : 0
  description        = "Daily snapshots of ${var.name}"
  execution_role_arn = aws_iam_role.snapshots[0].arn
  state              = "ENABLED"
  tags               = var.tags

  policy_details {
    resource_types = ["VOLUME"]
    target_tags    = { Snapshots = var.name }
    schedule {
      name      = "daily"
      copy_tags = true
      create_rule {
        interval      = 24
        interval_unit = "HOURS"
        times         = ["02:00"]
      }
      retain_rule {
        count = var.snapshots
      }
    }
  }
}
