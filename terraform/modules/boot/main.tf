# What a machine does when it starts for the first time, as cloud-init reads it. The document is encoded, not pasted together, so
# that nothing in a file can break it. Secrets are not in it: the machine fetches them, on every boot, into memory.

locals {
  boot = templatefile("${path.module}/templates/boot.sh", {
    region        = var.region
    debs          = var.debs
    session_agent = var.session_agent
    needs_install = length(var.debs) > 0 || var.session_agent != null
    secrets       = length(var.secrets) > 0
    prepare       = trimspace(var.prepare)
    setup         = trimspace(var.setup)
    group         = var.group
    # Defined where it is used.
    needs_instance = var.group != null || strcontains(var.setup, "$(instance)")
  })
  secrets = templatefile("${path.module}/templates/secrets.sh", {
    region  = var.region
    secrets = var.secrets
    then    = trimspace(var.secrets_then)
  })
  unit = templatefile("${path.module}/templates/atelier-secrets.service", {
    before = join(" ", var.secrets_before)
    writes = join(" ", var.secrets_writes)
  })

  files = merge(
    var.files,
    { "/usr/local/sbin/atelier-boot" = { content = local.boot, mode = "0755" } },
    { for path, file in {
      "/usr/local/sbin/atelier-secrets"             = { content = local.secrets, mode = "0755" }
      "/etc/systemd/system/atelier-secrets.service" = { content = local.unit, mode = "0644" }
    } : path => file if length(var.secrets) > 0 },
  )

  document = {
    package_update = true
    # Security updates come by themselves afterwards.
    packages    = distinct(concat(["awscli", "ca-certificates", "curl", "unattended-upgrades"], var.packages))
    ssh_pwauth  = false
    write_files = [for path, file in local.files : { path = path, permissions = file.mode, owner = "root:root", content = file.content }]
    runcmd      = [["/usr/local/sbin/atelier-boot"]]
  }
}
