variables {
  region = "eu-central-1"
}

run "nothing_that_is_not_asked_for" {
  command = plan

  assert {
    condition     = keys(output.files) == ["/usr/local/sbin/atelier-boot"]
    error_message = "Without secrets there are no scripts and units for them: ${join(" ", keys(output.files))}"
  }
  assert {
    condition     = startswith(output.document, "#cloud-config\n") && yamldecode(output.document).runcmd == [["/usr/local/sbin/atelier-boot"]]
    error_message = "cloud-init reads only what begins with #cloud-config, and runs one script."
  }
  assert {
    condition     = yamldecode(output.document).ssh_pwauth == false
    error_message = "Nobody logs in with a password."
  }
  assert {
    condition     = !strcontains(output.files["/usr/local/sbin/atelier-boot"], "install_deb")
    error_message = "What is not used is not there."
  }
}

run "everything" {
  command = plan
  variables {
    debs           = [{ url = "s3://bucket/edge_1.deb", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }, { url = "https://example.com/agent.deb", sha256 = "1111111111111111111111111111111111111111111111111111111111111111" }]
    session_agent  = { url = "https://example.com/session.deb", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
    packages       = ["nginx", "curl"]
    files          = { "/etc/odd" = { content = "a: 'b' \"c\"\n# {{ d }}\n\ttab: \\\n", mode = "0600" } }
    secrets        = { "password" = "/atelier/password" }
    secrets_before = ["one.service", "two.service"]
    secrets_writes = ["/etc/atelier-edge"]
    secrets_then   = "echo then"
    prepare        = "echo prepare"
    setup          = "echo setup"
    group          = "nodes"
  }

  assert {
    condition     = one([for file in yamldecode(output.document).write_files : file if file.path == "/etc/odd"]) == { path = "/etc/odd", permissions = "0600", owner = "root:root", content = var.files["/etc/odd"].content }
    error_message = "A file is written as it was given, whatever is in it."
  }
  assert {
    condition     = strcontains(output.files["/usr/local/sbin/atelier-boot"], "install_deb 's3://bucket/edge_1.deb' 0000000000000000000000000000000000000000000000000000000000000000") && strcontains(output.files["/usr/local/sbin/atelier-boot"], "sha256sum --check") && strcontains(output.files["/usr/local/sbin/atelier-boot"], "--force-confold")
    error_message = "What is installed is compared with its SHA-256."
  }
  assert {
    condition     = output.object_arns == ["arn:aws:s3:::bucket/edge_1.deb"]
    error_message = "The role may fetch this object."
  }
  assert {
    condition = (
      length(regexall("(?s)install_deb 'https://example.com/session.deb.*echo prepare.*start atelier-secrets.*\ninstall_deb 's3.*echo setup.*complete-lifecycle-action", output.files["/usr/local/sbin/atelier-boot"])) == 1
    )
    error_message = "The order: the agent, prepare, secrets, packages, setup, and only then it is said to be ready."
  }
  assert {
    condition     = strcontains(output.files["/usr/local/sbin/atelier-secrets"], "fetch 'password' '/atelier/password'\n\necho then")
    error_message = "Secrets are fetched, then what follows is run."
  }
  assert {
    condition     = strcontains(output.files["/etc/systemd/system/atelier-secrets.service"], "Before=one.service two.service\n") && strcontains(output.files["/etc/systemd/system/atelier-secrets.service"], "RuntimeDirectoryMode=0700") && strcontains(output.files["/etc/systemd/system/atelier-secrets.service"], "ReadWritePaths=/etc/atelier-edge\n")
    error_message = "Secrets lie in memory, for root alone, before who needs them."
  }
  assert {
    condition     = length([for package in yamldecode(output.document).packages : package if package == "curl"]) == 1
    error_message = "A package is named once."
  }
}

run "a_package_without_a_sum_is_refused" {
  command = plan
  variables {
    debs = [{ url = "https://example.com/edge.deb", sha256 = "" }]
  }
  expect_failures = [var.debs]
}

run "a_package_over_plain_http_is_refused" {
  command = plan
  variables {
    debs = [{ url = "http://example.com/edge.deb", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }]
  }
  expect_failures = [var.debs]
}

run "a_url_that_ends_the_quotes_is_refused" {
  command = plan
  variables {
    debs = [{ url = "https://example.com/'; reboot '.deb", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }]
  }
  expect_failures = [var.debs]
}

run "an_agent_without_a_sum_is_refused" {
  command = plan
  variables {
    session_agent = { url = "https://example.com/agent.deb", sha256 = "" }
  }
  expect_failures = [var.session_agent]
}

run "a_relative_path_is_refused" {
  command = plan
  variables {
    files = { "etc/x" = { content = "" } }
  }
  expect_failures = [var.files]
}

run "a_parameter_without_a_full_name_is_refused" {
  command = plan
  variables {
    secrets = { "password" = "password" }
  }
  expect_failures = [var.secrets]
}

run "what_ec2_would_not_take_is_refused" {
  command = plan
  variables {
    # Too random to be compressed below 16 KiB.
    files = { "/big" = { content = join("", [for i in range(400) : sha512(tostring(i))]) } }
  }
  expect_failures = [output.user_data]
}
