/**
 * Nodes in networks that let nothing out but HTTPS, or nothing but what goes through their proxy.
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  CapturedProcess,
  expectRun,
  findProgram,
  Lab,
  labTest,
  NAMESPACES,
  split,
  startNodeProgram,
  untilPrinted,
  waitFor,
  WeftNode,
} from "../../lab/mod.ts";

const BOUND_MS = 20_000;
const CREDENTIALS = "ann:s3cret-of-ann";

/** Makes a certificate for an address and its authority. @returns the paths of certificate, key and authority */
async function makeCertificate(folder: string, address: string): Promise<readonly [string, string, string]> {
  const at = (name: string): string => `${folder}/${name}.pem`;
  const request = (name: string, key: string, ...more: string[]): Promise<string> =>
    expectRun([
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-days", "2", "-subj", `/CN=${name}`, "-keyout", at(key), "-out", at(name), ...more],
    ]);
  await request("authority", "authority-key", "-addext", "basicConstraints=critical,CA:TRUE");
  const names = ["-addext", `subjectAltName=IP:${address}`, "-addext", "basicConstraints=CA:FALSE"];
  await request("certificate", "key", "-CA", at("authority"), "-CAkey", at("authority-key"), ...names);
  return [at("certificate"), at("key"), at("authority")];
}

/** @returns what an nginx does that passes one path on to a node, as its documentation shows for WebSocket */
function nginxConfig(folder: string, listen: string, target: string): string {
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  ${paths.map((name) => `${name}_temp_path ${folder}/${name};`).join(" ")}
  server {
    listen ${listen} ssl;
    ssl_certificate ${folder}/certificate.pem;
    ssl_certificate_key ${folder}/key.pem;
    location /weft {
      proxy_pass http://${target};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;
    }
  }
}
`;
}

labTest(
  "a node behind a firewall that passes HTTPS alone, and one behind an HTTP proxy, join and call each other",
  [...NAMESPACES, "openssl"],
  async (test) => {
    await using lab = await Lab.create(["L", "P", "A", "B"]);
    const [l, p, a, b] = ["L", "P", "A", "B"].map((name) => lab.host(name));
    assert(l && p && a && b);
    await split([l], [a, b]);
    await split([a], [b]);
    const [certificate, key, authority] = await makeCertificate(p.folder, p.address4);
    const program = async (name: string, ...args: string[]): Promise<CapturedProcess> => {
      const path = fileURLToPath(new URL(`../../lab/programs/${name}`, import.meta.url));
      const command = [Deno.execPath(), "run", "--quiet", "--no-check", "-A", path, ...args];
      const process = lab.use(new CapturedProcess(p.namespace.command(command), { label: name }));
      await untilPrinted(process, "ready");
      return process;
    };
    const [listen, target] = [`${p.address4}:443`, `${l.address4}:51820`];
    const nginx = findProgram("nginx");
    if (nginx === undefined) await program("tls_proxy.ts", listen, target, certificate, key, "/weft");
    else {
      const config = `${p.folder}/nginx.conf`;
      await Deno.writeTextFile(config, nginxConfig(p.folder, listen, target));
      lab.use(
        new CapturedProcess(p.namespace.command([nginx, "-c", config, "-p", p.folder]), { label: "nginx" }),
      );
    }
    const proxy = await program("password_proxy.ts", `${p.address4}:3128`, CREDENTIALS);

    const node = (
      host: typeof l,
      name: string,
      args: readonly string[],
      env: Record<string, string>,
    ): WeftNode =>
      lab.use(
        new WeftNode(host.namespace, {
          name,
          stateDir: `${host.folder}/state`,
          args: ["--rootless", "--status-port", "off", ...args],
          env,
        }),
      );
    const leader = node(l, "leader", ["--endpoint", `wss://${p.address4}/weft`], {});
    const inOffice = node(a, "a", [], { DENO_CERT: authority });
    const behindProxy = node(b, "b", [], { HTTPS_PROXY: `http://${CREDENTIALS}@${p.address4}:3128` });
    const token = await leader.startLeader();

    await test.step("they join", async () => {
      await Promise.all([inOffice, behindProxy].map((one) => one.start("--join", token)));
      assert.match(proxy.stdout, new RegExp(`^connect ${l.address4}:51820$`, "m"));
    });

    await test.step("they call each other", async () => {
      const offer = startNodeProgram({
        module: "tests/e2e/services/math_program.ts",
        stateDir: behindProxy.stateDir,
        args: ["attach", "b", behindProxy.stateDir],
        label: "program at b",
        place: b.namespace,
      });
      lab.use(offer);
      await untilPrinted(offer, "ready");
      const call = async (): Promise<string> =>
        (await inOffice.command("call", "local/add", '{"a":1,"b":2}')).stdout;
      await waitFor(async () => await call() === "3\n", BOUND_MS, { what: "b answers a" });
      assert.match(await behindProxy.expectCommand("ping", "a"), /ms/);
    });

    await test.step("nobody logs the password", () => {
      for (const { process } of [leader, inOffice, behindProxy]) {
        assert.ok(!`${process.stdout}${process.stderr}`.includes("s3cret"));
      }
    });
  },
);
