import assert from "node:assert/strict";
import { isPrintable, silentLogger } from "../../base/mod.ts";
import { InvalidServiceError } from "../errors.ts";
import { HandlerLog } from "../handler_log.ts";
import type { ServiceDefinition } from "../service_definition.ts";
import { InvalidTopicError } from "../topics/mod.ts";
import { LocalService } from "./local_services.ts";
import { NO_MIDDLEWARE } from "../testing/no_host.ts";

const SILENT = new HandlerLog(silentLogger, () => undefined);

function define(definition: Partial<ServiceDefinition>): LocalService {
  return new LocalService({ path: "math", ...definition }, () => () => true, () => {}, SILENT, NO_MIDDLEWARE);
}

const refused: readonly (readonly [string, Partial<ServiceDefinition>, RegExp])[] = [
  ["a path that climbs", { path: "../../etc/passwd" }, /"\.\." is no segment/],
  ["a version of two lines", { version: "1.0\nforged" }, /"1\.0\\u000aforged" is no version|"1\.0\\nforged"/],
  ["a version that turns its line", { version: "\u202e0.1" }, /"\\u202e0\.1" is no version/],
  ["a version of two words", { version: "1.0 beta" }, /"1\.0 beta" is no version/],
  ["a description of two lines", { description: "one\ntwo" }, /not one printable line: "one\\x0atwo"/],
  ["a description that is partly hidden", { description: "a\u200bb" }, /not one printable line: "a\\u200bb"/],
  ["an action with a line feed", { actions: { "a\nb": () => 1 } }, /"a\\nb" is no name of an action/],
  ["an action that climbs", { actions: { "..": () => 1 } }, /"\.\." is no name of an action/],
  ["an event that turns its line", { events: { "a\u202eb": {} } }, /"a\\u202eb" is no name of an action/],
  ["a protocol with a line feed", { protocol: "http\n" }, /"http\\n" is no protocol/],
];
for (const [what, definition, says] of refused) {
  Deno.test(`LocalService refuses ${what}, in one printable line`, () => {
    assert.throws(() => define(definition), (error) => {
      assert.ok(error instanceof InvalidServiceError || error instanceof InvalidTopicError);
      assert.match(error.message, says);
      assert.ok(isPrintable(error.message), error.message);
      assert.ok(error.hint !== undefined);
      return true;
    });
  });
}

Deno.test("LocalService takes what it may be called", () => {
  const { path } = define({
    path: "shop:orders/eu",
    version: "v2.0.0-rc.1+build",
    description: "Größen — and 加",
    actions: { "place.now": () => 1 },
    events: { $placed: {} },
    protocol: "http",
  });
  assert.equal(`${path}`, "shop:orders/eu");
});
