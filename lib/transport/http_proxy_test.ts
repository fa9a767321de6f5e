import assert from "node:assert/strict";
import { Endpoint, IpAddress, WebAddress } from "../net/mod.ts";
import { HttpProxy, ProxySettings } from "./http_proxy.ts";
import { OutwardDialer } from "./outward_dial.ts";
import { acceptNext } from "./runtime_sockets.ts";
import { UpgradableStream } from "./websocket/mod.ts";
import { listenTcp } from "./tcp.ts";
import { readAll } from "./testing/byte_stream_suite.ts";

const BOUND = { timeoutMs: 5_000 };

function settings(variables: Record<string, string>): ProxySettings {
  return new ProxySettings((name) => variables[name]);
}

const EXCEPTIONS: readonly [string, string, boolean][] = [
  ["", "192.0.2.1", true],
  ["*", "192.0.2.1", false],
  ["192.0.2.1", "192.0.2.1", false],
  ["192.0.2.0/24", "192.0.2.1", false],
  ["192.0.3.0/24, 192.0.2.1:443", "192.0.2.1", false],
  ["192.0.2.1:80", "192.0.2.1", true],
  ["example.com", "mesh.example.com", false],
  [".example.com", "example.com", false],
  ["*.example.com", "mesh.example.com", false],
  ["ample.com", "mesh.example.com", true],
  ["example.com:80", "mesh.example.com", true],
  ["", "127.0.0.1", false],
  ["", "localhost", false],
  ["", "fe80::1", false],
  ["2001:db8::/32", "2001:db8::1", false],
];

Deno.test("ProxySettings.proxyFor() heeds NO_PROXY, and takes this host for no other", () => {
  for (const [exceptions, host, isProxied] of EXCEPTIONS) {
    const proxies = settings({ HTTPS_PROXY: "http://proxy.example.com:3128", NO_PROXY: exceptions });
    assert.equal(proxies.proxyFor(host, 443) !== undefined, isProxied, `${exceptions} and ${host}`);
  }
});

Deno.test("ProxySettings reads the variables in either case, and passes over what it can't speak", () => {
  const named = (variables: Record<string, string>) =>
    settings(variables).proxyFor("192.0.2.1", 1)?.toString();
  assert.equal(named({}), undefined);
  assert.equal(named({ https_proxy: "proxy:1", HTTPS_PROXY: "http://other:2" }), "http://proxy:1");
  assert.equal(named({ HTTP_PROXY: "http://proxy" }), "http://proxy:80");
  assert.equal(named({ HTTPS_PROXY: "socks5://proxy:1" }), undefined);
  assert.equal(
    named({ HTTPS_PROXY: "https://proxy:1", http_proxy: "http://[2001:db8::1]:8080" }),
    "http://[2001:db8::1]:8080",
  );
  assert.equal(named({ HTTPS_PROXY: "::::" }), undefined);
});

/** A listener that hands each connection to `serve`. */
async function listening(
  serve: (connection: Deno.TcpConn) => Promise<void>,
  body: (port: number) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let isClosed = false;
  const open = new Set<Deno.TcpConn>();
  const served = (async () => {
    for (;;) {
      const connection = await acceptNext(listener, () => isClosed);
      if (connection === undefined) return;
      open.add(connection);
      await serve(connection).catch(() => {});
    }
  })();
  try {
    await body(listener.addr.port);
  } finally {
    isClosed = true;
    listener.close();
    await served;
    for (const connection of open) {
      try {
        connection.close();
      } catch {
        // It was closed by the one that served it.
      }
    }
  }
}

const proxyAt = (port: number): HttpProxy =>
  HttpProxy.parse(`http://ann:p%40ss@127.0.0.1:${port}`) ?? assert.fail();

Deno.test("HttpProxy.connect() asks with the credentials, and shows them to nobody", async () => {
  let request = "";
  const proxy = async (connection: Deno.TcpConn) => {
    const block = new Uint8Array(4_096);
    const length = await connection.read(block) ?? 0;
    request = new TextDecoder().decode(block.subarray(0, length));
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nVia: x\r\n\r\n"));
  };
  await listening(proxy, async (port) => {
    const it = proxyAt(port);
    const connection = await it.connect("2001:db8::1", 51820, BOUND);
    assert.ok(connection);
    connection.close();
    assert.equal(
      request,
      "CONNECT [2001:db8::1]:51820 HTTP/1.1\r\nHost: [2001:db8::1]:51820\r\n" +
        `Proxy-Authorization: Basic ${btoa("ann:p@ss")}\r\n\r\n`,
    );
    assert.ok(![`${it}`, JSON.stringify(it), Deno.inspect(it)].some((text) => /p@ss|YW5u/.test(text)));
  });
});

const ANSWERS: readonly [string, string][] = [
  ["no", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"],
  ["noise", "\0\x01\x02\r\n\r\n"],
  ["a head without end", `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(2_000)}`],
  ["more than a head", "HTTP/1.1 200 OK\r\n\r\nwelcome"],
  ["another protocol", "SSH-2.0-x\r\n\r\n"],
];

Deno.test("HttpProxy.connect() takes nothing else for a connection", async (test) => {
  for (const [name, answer] of ANSWERS) {
    await test.step(name, async () => {
      const proxy = async (connection: Deno.TcpConn) => {
        await connection.write(new TextEncoder().encode(answer));
      };
      await listening(proxy, async (port) => {
        assert.equal(await proxyAt(port).connect("192.0.2.1", 1, BOUND), undefined);
      });
    });
  }
  await test.step("silence", async () => {
    await listening(() => Promise.resolve(), async (port) => {
      assert.equal(await proxyAt(port).connect("192.0.2.1", 1, { timeoutMs: 100 }), undefined);
    });
  });
  await test.step("nobody", async () => {
    assert.equal(await proxyAt(1).connect("192.0.2.1", 1, BOUND), undefined);
  });
});

Deno.test("OutwardDialer.dial() opens the WebSocket of a URL, and gives up on what is none", async () => {
  const dialer = new OutwardDialer(settings({}));
  const listener = listenTcp({ port: 0, address: IpAddress.parse("127.0.0.1") ?? assert.fail() });
  const { localPort: port } = listener;
  const serving = (async () => {
    for (let accepted = await listener.accept(); accepted !== undefined; accepted = await listener.accept()) {
      const stream = new UpgradableStream(accepted.stream);
      const block = new Uint8Array(16);
      const length = await stream.read(block);
      if (length !== undefined) await stream.write(block.subarray(0, length));
      stream.close();
    }
  })();
  const url = (path: string) => WebAddress.parse(`ws://127.0.0.1:${port}${path}`) ?? assert.fail();
  const stream = await dialer.dial(url("/weft"), BOUND);
  assert.ok(stream);
  assert.ok(await stream.write(Uint8Array.of(1, 2, 3)));
  assert.deepEqual(await readAll(stream, 3), Uint8Array.of(1, 2, 3));
  stream.close();
  assert.equal(await dialer.dial(url("/other"), BOUND), undefined);
  const secure = WebAddress.parse(`wss://127.0.0.1:${port}/weft`) ?? assert.fail();
  assert.equal(await dialer.dial(secure, { timeoutMs: 1_000 }), undefined);
  const nobody = new Endpoint(IpAddress.parse("127.0.0.1") ?? assert.fail(), 1);
  assert.equal(await dialer.dial(nobody, BOUND), undefined);
  listener.close();
  await serving;
});
