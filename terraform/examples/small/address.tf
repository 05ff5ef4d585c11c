locals {
  # The twentieth address of the first private subnet: AWS keeps the first four, and hands out others at random.
  database_address = cidrhost(cidrsubnet(module.network.cidr, 4, 8), 20)
}
