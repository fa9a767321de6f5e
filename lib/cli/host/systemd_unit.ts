/**
 * The systemd unit that resumes an agent with the host.
 * @module
 */

/** Where `weft install` puts it. */
export const UNIT_PATH = "/etc/systemd/system/weft.service";

/**
 * @param options.command the program and its first arguments
 * @returns the text of the unit; it only resumes, so that no token is in it
 */
export function systemdUnit(
  options: { readonly command: readonly string[]; readonly stateDir: string },
): string {
  const line = [...options.command, "up", "--state", options.stateDir].map(quoted).join(" ");
  return `[Unit]
Description=weft, a private network of machines
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=${line}
Restart=on-failure
RestartSec=2
KillSignal=SIGTERM
TimeoutStopSec=15
AmbientCapabilities=CAP_NET_ADMIN
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_DAC_OVERRIDE
NoNewPrivileges=yes
ProtectHome=read-only
PrivateTmp=yes
DeviceAllow=/dev/net/tun rw

[Install]
WantedBy=multi-user.target
`;
}

/** systemd.service(5), "Command lines": C-style quotes, `%` and `$` doubled. */
function quoted(word: string): string {
  const escaped = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replace(/["\\]/g, "\\$&")}"`;
}
