/**
 * The unit by which systemd runs a node: systemd.service(5), systemd.exec(5).
 * @module
 */

/** What a unit is made of. Paths are absolute. */
export interface UnitSettings {
  /** The system's manager runs it as root; a user's runs a rootless node as that user. */
  readonly scope: "system" | "user";
  /** The program and the words before `up`. */
  readonly command: readonly string[];
  /** The file or folder that it and all it loads are in. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stateDir: string;
  /** Whether /etc/resolv.conf is a link: then it is /etc itself that is written to. */
  readonly isResolverConfLink: boolean;
  /** Of the systemd that will read it; undefined when nobody knows. */
  readonly systemdVersion: number | undefined;
}

/** By this a unit is told from one that somebody else wrote. */
export const UNIT_DESCRIPTION = "Description=weft, a private network of machines";

/** Where the system's services keep their state. */
const STATE_ROOT = "/var/lib/";
/** What `ProtectHome=` hides. */
const HOMES = /^\/(?:home|root|run\/user)(?:\/|$)/;
/** The first with `RestartSteps=`. */
const STEPS_SINCE = 254;

/** @returns the unit that resumes a node; no token is in it */
export function unitText(settings: UnitSettings): string {
  const { scope, command, stateDir, environment, systemdVersion = 0 } = settings;
  const line = [...command, "up", "--state", stateDir, ...scope === "user" ? ["--rootless"] : []];
  const variables = Object.entries(environment).map((pair) => `Environment=${quoted(pair.join("="))}\n`);
  return `# Written by \`weft install\`. Changes belong into a drop-in: systemctl edit.
[Unit]
${UNIT_DESCRIPTION}
${
    scope === "system"
      ? "After=network-online.target\nWants=network-online.target\n"
      : ""
  }StartLimitIntervalSec=0

[Service]
Type=notify
${variables.join("")}ExecStart=${commandLine(line)}
ExecReload=${commandLine([...command, "reload", "--state", stateDir])}
Restart=on-failure
${restartText(systemdVersion)}
# A node that was removed or has left, and settings that are wrong, are not mended by another start.
RestartPreventExitStatus=2
# Stopped before it ran.
SuccessExitStatus=130
# The event loop has not turned for so long.
WatchdogSec=90
WatchdogSignal=SIGKILL
TimeoutStopSec=15
UMask=0077
LimitCORE=0
${scope === "system" ? systemSandbox(settings) : USER_SANDBOX}
[Install]
WantedBy=${scope === "system" ? "multi-user" : "default"}.target
`;
}

/** @returns the state directory as a unit of ours names it, to tell units of two nodes apart; undefined in others */
export function stateDirOf(unit: string): string | undefined {
  return unit.includes(UNIT_DESCRIPTION)
    ? / up --state ("(?:[^"\\]|\\.)*"|\S+)/.exec(unit)?.[1]?.replace(/^"|"$/g, "").replace(/\\(.)/g, "$1")
      .replaceAll("$$", "$").replaceAll("%%", "%")
    : undefined;
}

/** A start costs a second of a core: soon at first, where systemd can wait longer each time. */
function restartText(systemdVersion: number): string {
  return systemdVersion >= STEPS_SINCE
    ? "RestartSec=2\nRestartSteps=8\nRestartMaxDelaySec=5min"
    : "RestartSec=10";
}

/** What needs no privileges. */
const USER_SANDBOX = `NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
`;

function systemSandbox(settings: UnitSettings): string {
  return `${stateText(settings)}# Where \`wg show\` asks; others have their sockets there too.
RuntimeDirectory=wireguard weft
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
# Interface, routes and systemd-resolved; ports below 1024, of which DNS is one.
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
# The host's resolver is pointed at the names of the network, and back.
ReadWritePaths=${settings.isResolverConfLink ? "/etc" : "-/etc/resolv.conf"}
${homeText(settings)}PrivateTmp=yes
PrivateMounts=yes
DevicePolicy=closed
DeviceAllow=/dev/net/tun rw
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
KeyringMode=private
LockPersonality=yes
# ProtectProc stays off: whether another agent of this host still runs is seen by its process.
# MemoryDenyWriteExecute cannot be: V8 compiles JavaScript and WebAssembly to memory that it then runs.
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources @keyring
SystemCallErrorNumber=EPERM
`;
}

function stateText({ stateDir }: UnitSettings): string {
  if (stateDir.startsWith(STATE_ROOT)) {
    return `StateDirectory=${pathWord(stateDir.slice(STATE_ROOT.length))}\nStateDirectoryMode=0700\n`;
  }
  return HOMES.test(stateDir) ? "" : `ReadWritePaths=${pathWord(`-${stateDir}`)}\n`;
}

/** All homes are hidden, but for what the node itself has there. */
function homeText({ program, stateDir }: UnitSettings): string {
  if (!HOMES.test(program) && !HOMES.test(stateDir)) return "ProtectHome=yes\n";
  const bound = (path: string) => pathWord(path.replaceAll(":", "\\:"));
  return "ProtectHome=tmpfs\n" +
    (HOMES.test(program) ? `BindReadOnlyPaths=${bound(program)}\n` : "") +
    (HOMES.test(stateDir) ? `BindPaths=${bound(`-${stateDir}`)}\n` : "");
}

function commandLine(words: readonly string[]): string {
  return words.map((word) => quoted(word.replaceAll("$", "$$$$"))).join(" ");
}

function pathWord(path: string): string {
  return quoted(path.replace(/\/+$/, ""));
}

/** systemd.service(5), "Command lines": C-style quotes, `%` doubled. */
function quoted(word: string): string {
  const escaped = word.replaceAll("%", "%%");
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replace(/["\\]/g, "\\$&")}"`;
}
