import { openSample } from "../testing/embedded_sample.ts";
import { testEngine } from "../testing/conformance.ts";

testEngine("embedded engine", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-data-" });
  return {
    open: () => Promise.resolve(openSample(`${folder}/data.db`)),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});
