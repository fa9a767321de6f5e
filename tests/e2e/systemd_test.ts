/**
 * The unit of `weft install`, run by a systemd: in its sandbox the tunnel and the names work, it tells how it does, and it
 * is started again when that can help.
 */

import assert from "node:assert/strict";
import {
  Checkout,
  createScratch,
  expectRun,
  type Finished,
  Lab,
  labTest,
  PACKET_PLANE,
  run,
  sourceCommand,
  startSystemd,
  SYSTEMD,
  WeftNode,
} from "../lab/mod.ts";

const WEFT = "/opt/weft/bin/weft";
const PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

labTest("weft install: systemd has nothing to say against its units, whose exposure is below 4", [
  "linux",
  "systemd-analyze",
], async (test) => {
  await using scratch = await createScratch("unit");
  const print = async (...options: readonly string[]): Promise<string> => {
    const unit = await expectRun(sourceCommand("install", "--print", "--state", "/var/lib/weft", ...options));
    const path = `${scratch.path}/weft.service`;
    await Deno.writeTextFile(path, unit);
    return path;
  };
  for (
    const [name, options, manager] of [["a system's", [], "--system"], [
      "a user's",
      ["--user"],
      "--user",
    ]] as const
  ) {
    await test.step(name, async () => {
      const { code, stdout, stderr } = await run([
        "systemd-analyze",
        manager,
        "verify",
        await print(...options),
      ], { env: { XDG_RUNTIME_DIR: scratch.path } });
      assert.deepEqual([code, stdout, stderr], [0, "", ""]);
    });
  }
  await test.step("exposure", async () => {
    const path = await print();
    // Its exit code says only whether it is above a threshold.
    const { stdout } = await run(["systemd-analyze", "security", "--offline=true", "--no-pager", path]);
    const exposure = Number(/Overall exposure level for weft\.service: ([\d.]+)/.exec(stdout)?.[1]);
    assert.ok(exposure < 4, stdout);
  });
});

labTest("weft install: systemd runs the node in its sandbox, and starts it again when that helps", [
  ...PACKET_PLANE,
  ...SYSTEMD,
], async (test) => {
  await using lab = await Lab.create(["A", "B"]);
  const { namespace, folder } = lab.host("A");
  const checkout = await Checkout.create(`${folder}/checkout`);
  await expectRun([checkout.launcher, "--version"], { env: checkout.environment() });
  const { place } = lab.use(await startSystemd(namespace, checkout.path));
  const inside = (...command: readonly string[]): Promise<Finished> =>
    run(place.command(["env", "-i", PATH, "NO_COLOR=1", ...command]));
  const expectInside = (...command: readonly string[]): Promise<string> =>
    expectRun(place.command(["env", "-i", PATH, "NO_COLOR=1", ...command]));
  const property = async (name: string): Promise<string> =>
    (await expectInside("systemctl", "show", "weft", "--value", "--property", name)).trim();
  const untilProperty = async (name: string, pattern: RegExp): Promise<void> => {
    for (let turn = 0; turn < 200; turn++) {
      if (pattern.test(await property(name))) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.match(await property(name), pattern, name);
  };
  const resolverConf = (): Promise<string> => expectInside("cat", "/etc/resolv.conf");
  const before = await resolverConf();

  const b = lab.use(
    new WeftNode(lab.host("B").namespace, { name: "b", stateDir: `${lab.host("B").folder}/b` }),
  );
  const token = await b.startLeader();

  await test.step("without a node it fails once", async () => {
    const { stdout } = await inside(WEFT, "install");
    assert.match(stdout, /^Wrote \/etc\/systemd\/system\/weft\.service\nFirst let this machine lead or join/);
    assert.notEqual((await inside("systemctl", "start", "weft")).code, 0);
    assert.deepEqual([await property("ExecMainStatus"), await property("NRestarts")], ["2", "0"]);
    assert.match(await property("StatusText"), /no node in the state directory \/var\/lib\/weft/);
    await expectInside("systemctl", "reset-failed", "weft");
  });

  await test.step("it carries packets and answers names", async () => {
    const joined = await inside("timeout", "-s", "INT", "6", WEFT, "--join", token, "--name", "a");
    assert.match(joined.stdout, /^a is 10\.200\.0\.2 /m, joined.stderr);
    assert.match((await inside(WEFT, "install")).stdout, /^Nothing has changed in \/etc\/systemd/);
    await expectInside("systemctl", "start", "weft");
    assert.match(await property("StatusText"), /^a is 10\.200\.0\.2 of 10\.200\.0\.0\/16, member; /);
    const status = await expectInside(WEFT, "status");
    assert.match(status, /^plane +weft0, .* fast, /m);
    await expectInside("ping", "-c", "3", "-W", "5", "10.200.0.1");
    await lab.host("B").namespace.expectRun(["ping", "-c", "3", "-W", "5", "10.200.0.2"]);
    assert.match(await resolverConf(), /^nameserver 10\.200\.0\.2$/m);
    assert.match(await expectInside("getent", "ahostsv4", "b.weft.internal"), /^10\.200\.0\.1 /);
    const proc = await expectInside("sh", "-c", 'cat "/proc/$0/status"', await property("MainPID"));
    assert.match(proc, /^CapEff:\t0{12}1400\n/m);
    assert.match(proc, /^Seccomp:\t2$/m);
  });

  await test.step("killed, it is started again, and the host is put right", async () => {
    // Sooner than the unit says, so that the test need not wait.
    await expectInside("mkdir", "-p", "/etc/systemd/system/weft.service.d");
    const soon = "[Service]\nRestartSec=500ms\nRestartSteps=0\nWatchdogSec=3\n";
    await expectInside("sh", "-c", 'printf %s "$0" > /etc/systemd/system/weft.service.d/soon.conf', soon);
    await expectInside("systemctl", "daemon-reload");
    await expectInside("systemctl", "kill", "--signal", "KILL", "weft");
    await untilProperty("NRestarts", /^1$/);
    await untilProperty("ActiveState", /^active$/);
    await expectInside("ping", "-c", "1", "-W", "5", "10.200.0.1");
  });

  await test.step("one that does not turn is ended by the watchdog", async () => {
    await expectInside("systemctl", "kill", "--signal", "STOP", "weft");
    await untilProperty("NRestarts", /^2$/);
    await untilProperty("ActiveState", /^active$/);
  });

  await test.step("stopped, it leaves nothing", async () => {
    await expectInside("systemctl", "stop", "weft");
    assert.equal(await property("Result"), "success");
    assert.equal(await resolverConf(), before);
    assert.equal(await namespace.hasInterface("weft0"), false);
  });

  await test.step("it runs with a state and a resolv.conf that stand elsewhere", async () => {
    const link =
      "mkdir -p /etc/site && mv /etc/resolv.conf /etc/site/ && ln -s site/resolv.conf /etc/resolv.conf";
    await expectInside("sh", "-c", link);
    await expectInside("mkdir", "/home/ann");
    for (const state of ["/srv/a node", "/home/ann/weft"]) {
      await expectInside(WEFT, "uninstall");
      await expectInside("mv", "-T", state === "/home/ann/weft" ? "/srv/a node" : "/var/lib/weft", state);
      await expectInside(WEFT, "install", "--state", state);
      await expectInside("systemctl", "start", "weft");
      await expectInside("ping", "-c", "1", "-W", "5", "10.200.0.1");
      assert.match(await resolverConf(), /^nameserver 10\.200\.0\.2$/m);
      await expectInside("systemctl", "stop", "weft");
      assert.equal(await expectInside("readlink", "/etc/resolv.conf"), "site/resolv.conf\n");
      assert.equal(await resolverConf(), before);
    }
    const other = await inside(WEFT, "install");
    assert.match(
      other.stderr,
      /^weft: Cannot write .*: it starts the node in \/home\/ann\/weft\nhint: .*--name/,
    );
    const more = await expectInside(WEFT, "install", "--name", "lab");
    assert.match(more, /^Wrote \/etc\/systemd\/system\/lab\.service\n/);
    await expectInside(WEFT, "uninstall", "--name", "lab");
  });

  await test.step("a user's unit is that user's", async () => {
    const environment = ["XDG_CONFIG_HOME=/srv/config", "HOME=/srv"];
    const user = ["env", ...environment, WEFT];
    const path = "/srv/config/systemd/user/weft.service";
    const { stdout } = await inside(...user, "install", "--user", "--state", "/srv/state");
    assert.match(stdout, new RegExp(`^Wrote ${path}\n.*--rootless`));
    assert.match(stdout, /systemctl --user enable --now weft\n[^]*loginctl enable-linger\n$/);
    assert.match(await expectInside("cat", path), / up --state \/srv\/state --rootless\n/);
    await expectInside("chmod", "777", "/srv/config");
    const { code, stderr } = await inside(...user, "install", "--user", "--state", "/srv/state");
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^weft: Cannot let a unit run weft with \/srv\/config: other .*\nhint: .*chmod go-w/,
    );
    assert.equal(
      await expectInside(...user, "uninstall", "--user"),
      `Removed ${path}; the node's state stays\n`,
    );
  });

  await test.step("removed, it is not started again", async () => {
    await expectInside("systemctl", "start", "weft");
    await b.expectCommand("peer", "remove", "a");
    await untilProperty("ActiveState", /^failed$/);
    assert.deepEqual([await property("ExecMainStatus"), await property("NRestarts")], ["2", "0"]);
    assert.match(await property("StatusText"), /removed from its network/);
    assert.equal(await resolverConf(), before);
  });

  await test.step("weft uninstall takes the unit away", async () => {
    assert.match(await expectInside(WEFT, "uninstall"), /^Removed \/etc\/systemd\/system\/weft\.service; /);
    assert.equal(await property("LoadState"), "not-found");
    assert.match(await expectInside(WEFT, "uninstall"), /^There is no /);
  });
});
