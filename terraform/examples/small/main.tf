# One nginx, three nodes, one machine with PostgreSQL and Redis, and one that looks at them.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  tags = merge({ Project = "atelier-edge", Deployment = var.name }, var.tags)
  # The certificate and its key are put there by whoever renews them, and only named here.
  tls = { for what, name in var.tls : what => {
    name = "/${var.name}/${name}"
    arn  = "arn:${data.aws_partition.current.partition}:ssm:${var.region}:${data.aws_caller_identity.current.account_id}:parameter/${var.name}/${name}"
  } }
  # The rules of the project, as far as this checkout has them.
  rules = { for file in fileset("${path.module}/../../../monitoring", "*.rules.yml") : file => file("${path.module}/../../../monitoring/${file}") }
}

module "secrets" {
  source = "../../modules/secrets"
  name   = var.name
  given  = local.passwords
  tags   = local.tags
  passwords = {
    "database-password" = { description = "PostgreSQL, user atelier_edge", version = var.password_versions.database }
    "redis-password"    = { description = "Redis, user atelier_edge", version = var.password_versions.redis }
    "admin-token"       = { description = "Token of the admin listener", version = var.password_versions.admin }
  }
}

module "network" {
  source  = "../../modules/network"
  name    = var.name
  zones   = var.zones
  key_arn = module.secrets.key_arn
  tags    = local.tags
}

module "edge" {
  source            = "../../modules/edge"
  name              = "${var.name}-edge"
  region            = var.region
  vpc_id            = module.network.vpc_id
  public_subnet_ids = module.network.public_subnet_ids
  ami_id            = var.ami_id
  instance_type     = var.machines.edge
  session_agent     = var.session_agent
  server_name       = var.server_name
  tls               = local.tls
  node_group        = "${var.name}-node"
  key_arn           = module.secrets.key_arn
  tags              = local.tags
}

module "database" {
  source              = "../../modules/machine"
  detailed_monitoring = var.detailed_monitoring
  name                = "${var.name}-database"
  region              = var.region
  vpc_id              = module.network.vpc_id
  zone                = var.zones[0]
  subnet_id           = module.network.private_subnet_ids[0]
  address             = local.database_address
  network             = module.network.cidr
  snapshots           = var.snapshots
  ami_id              = var.ami_id
  instance_type       = var.machines.database
  package             = var.package
  session_agent       = var.session_agent
  database_password   = module.secrets.parameters["database-password"]
  redis_password      = module.secrets.parameters["redis-password"]
  clients             = { nodes = module.node.security_group_id }
  key_arn             = module.secrets.key_arn
  tags                = local.tags
}

module "node" {
  source        = "../../modules/node"
  name          = "${var.name}-node"
  region        = var.region
  vpc_id        = module.network.vpc_id
  subnet_ids    = module.network.private_subnet_ids
  size          = var.nodes
  ami_id        = var.ami_id
  instance_type = var.machines.node
  package       = var.package
  session_agent = var.session_agent
  admin_token   = module.secrets.parameters["admin-token"]
  settings      = var.settings
  clients       = { edge = module.edge.security_group_id }
  scrapers      = { monitoring = module.monitoring.security_group_id }
  key_arn       = module.secrets.key_arn
  tags          = local.tags

  # By address and not through the module's outputs: nodes start beside the machine and wait for what it publishes.
  database = {
    host         = local.database_address
    password     = module.secrets.parameters["database-password"]
    ca_parameter = module.database.ca_parameter
  }
  redis = {
    host     = local.database_address
    password = module.secrets.parameters["redis-password"]
    own_ca   = true
  }
}

module "monitoring" {
  source              = "../../modules/monitoring"
  detailed_monitoring = var.detailed_monitoring
  name                = "${var.name}-monitoring"
  region              = var.region
  vpc_id              = module.network.vpc_id
  subnet_id           = module.network.private_subnet_ids[0]
  ami_id              = var.ami_id
  instance_type       = var.machines.monitoring
  session_agent       = var.session_agent
  node_group          = "${var.name}-node"
  nodes               = var.nodes
  rules               = local.rules
  emails              = var.emails
  machines            = { database = module.database.instance_id }
  key_arn             = module.secrets.key_arn
  tags                = local.tags
}
