# nginx on two machines behind a load balancer, nodes in every zone, PostgreSQL with a standby, Redis with a replica.

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
  source       = "../../modules/network"
  name         = var.name
  zones        = var.zones
  nat_per_zone = true
  key_arn      = module.secrets.key_arn
  tags         = local.tags
}

module "edge" {
  source              = "../../modules/edge"
  name                = "${var.name}-edge"
  region              = var.region
  vpc_id              = module.network.vpc_id
  public_subnet_ids   = module.network.public_subnet_ids
  private_subnet_ids  = module.network.private_subnet_ids
  size                = var.edges
  ami_id              = var.ami_id
  instance_type       = var.machines.edge
  session_agent       = var.session_agent
  server_name         = var.server_name
  tls                 = local.tls
  node_group          = "${var.name}-node"
  deletion_protection = var.protected
  key_arn             = module.secrets.key_arn
  tags                = local.tags
}

module "database" {
  source              = "../../modules/database"
  name                = "${var.name}-database"
  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.private_subnet_ids
  instance_class      = var.machines.database
  deletion_protection = var.protected
  # Operators come through a session on the machine that looks: imports and changes of the schema.
  clients = { nodes = module.node.security_group_id, operators = module.monitoring.security_group_id }
  key_arn = module.secrets.key_arn
  tags    = local.tags
}

module "cache" {
  source     = "../../modules/cache"
  name       = "${var.name}-cache"
  vpc_id     = module.network.vpc_id
  subnet_ids = module.network.private_subnet_ids
  node_type  = var.machines.cache
  clients    = { nodes = module.node.security_group_id }
  key_arn    = module.secrets.key_arn
  tags       = local.tags
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

  database = {
    host     = module.database.host
    password = module.secrets.parameters["database-password"]
    ca_url   = coalesce(var.database_ca_url, "https://truststore.pki.rds.amazonaws.com/${var.region}/${var.region}-bundle.pem")
  }
  # Amazon's public authorities sign for ElastiCache; the system knows them.
  redis = {
    host     = module.cache.host
    password = module.secrets.parameters["redis-password"]
  }
}

module "monitoring" {
  source        = "../../modules/monitoring"
  name          = "${var.name}-monitoring"
  region        = var.region
  vpc_id        = module.network.vpc_id
  subnet_id     = module.network.private_subnet_ids[0]
  ami_id        = var.ami_id
  instance_type = var.machines.monitoring
  session_agent = var.session_agent
  node_group    = "${var.name}-node"
  nodes         = var.nodes
  rules         = local.rules
  emails        = var.emails
  database_id   = module.database.instance_id
  cache_members = { for place in [1, 2] : tostring(place) => "${var.name}-cache-00${place}" }
  key_arn       = module.secrets.key_arn
  tags          = local.tags
}
