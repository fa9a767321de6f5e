import assert from "node:assert/strict";
import { stateDirOf, type UnitSettings, unitText } from "./mod.ts";

const SETTINGS: UnitSettings = {
  scope: "system",
  command: ["/opt/weft/bin/weft"],
  program: "/opt/weft",
  environment: {},
  stateDir: "/var/lib/weft",
  isResolverConfLink: false,
  systemdVersion: 252,
};

Deno.test("unitText() resumes a node, and nothing else is in it", () => {
  const text = unitText(SETTINGS);
  assert.match(text, /^ExecStart=\/opt\/weft\/bin\/weft up --state \/var\/lib\/weft$/m);
  for (
    const line of [
      "ExecReload=/opt/weft/bin/weft reload --state /var/lib/weft",
      "Type=notify",
      "UMask=0077",
      "RestartPreventExitStatus=2",
      "WantedBy=multi-user.target",
    ]
  ) {
    assert.ok(text.includes(`\n${line}\n`), line);
  }
});

Deno.test("unitText() waits longer each time where systemd can", () => {
  assert.doesNotMatch(unitText(SETTINGS), /RestartSteps/);
  assert.match(
    unitText({ ...SETTINGS, systemdVersion: 254 }),
    /^RestartSec=2\nRestartSteps=8\nRestartMaxDelaySec=5min$/m,
  );
});

const places: readonly (readonly [Partial<UnitSettings>, readonly string[]])[] = [
  [{}, ["StateDirectory=weft", "ProtectHome=yes", "ReadWritePaths=-/etc/resolv.conf"]],
  [{ stateDir: "/var/lib/weft/a b/" }, ['StateDirectory="weft/a b"']],
  [{ stateDir: "/srv/weft" }, ["ReadWritePaths=-/srv/weft", "ProtectHome=yes"]],
  [{ stateDir: "/home/ann/a:b" }, ["ProtectHome=tmpfs", 'BindPaths="-/home/ann/a\\\\:b"']],
  [{ program: "/home/ann/weft" }, ["ProtectHome=tmpfs", "BindReadOnlyPaths=/home/ann/weft"]],
  [{ isResolverConfLink: true }, ["ReadWritePaths=/etc"]],
  [{ environment: { WEFT_DENO: "/opt/100%/deno" } }, ["Environment=WEFT_DENO=/opt/100%%/deno"]],
  [{ scope: "user" }, [
    "WantedBy=default.target",
    "ExecStart=/opt/weft/bin/weft up --state /var/lib/weft --rootless",
  ]],
];
for (const [settings, lines] of places) {
  Deno.test(`unitText() for ${JSON.stringify(settings)} says ${lines.join(", ")}`, () => {
    const all = unitText({ ...SETTINGS, ...settings }).split("\n");
    for (const line of lines) assert.ok(all.includes(line), line);
  });
}

Deno.test("stateDirOf() reads what unitText() wrote", () => {
  for (const stateDir of ["/var/lib/weft", "/srv/a b", '/srv/"$100%\\']) {
    assert.equal(stateDirOf(unitText({ ...SETTINGS, stateDir })), stateDir);
  }
  assert.equal(stateDirOf("[Service]\nExecStart=/bin/x up --state /var/lib/weft\n"), undefined);
});
