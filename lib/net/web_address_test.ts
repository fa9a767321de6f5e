import assert from "node:assert/strict";
import { WebAddress } from "./web_address.ts";

const GOOD: readonly [string, string, string, number][] = [
  ["wss://Mesh.Example.com", "wss://mesh.example.com/weft", "mesh.example.com", 443],
  ["wss://mesh.example.com:443/a/b", "wss://mesh.example.com/a/b", "mesh.example.com", 443],
  ["ws://192.0.2.1:51820/weft", "ws://192.0.2.1:51820/weft", "192.0.2.1", 51820],
  ["ws://[2001:db8::1]:8080", "ws://[2001:db8::1]:8080/weft", "2001:db8::1", 8080],
];

const BAD = [
  "http://a/weft",
  "wss://",
  "wss:///weft",
  "wss://a:0/weft",
  "wss://a:65536/weft",
  "wss://user@a/weft",
  "wss://a/weft?x=1",
  "wss://a/weft#x",
  "wss://a /weft",
  "wss://a/\r\nX: y",
  `wss://${"a".repeat(256)}`,
  "a:1",
];

Deno.test("WebAddress.parse() reads what toString() writes", () => {
  for (const [text, written, hostname, port] of GOOD) {
    const address = WebAddress.parse(text) ?? assert.fail(text);
    assert.equal(address.toString(), written);
    assert.deepEqual([address.hostname, address.port], [hostname, port]);
    assert.ok(WebAddress.parse(written)?.equals(address));
  }
  for (const text of BAD) assert.equal(WebAddress.parse(text), undefined, text);
});
