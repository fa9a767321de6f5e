import assert from "node:assert/strict";
import { readPolicyFile } from "../../../config/mod.ts";
import { locate } from "./policy_input.ts";

Deno.test("locate() tells once what is true of all rules of one entry", async () => {
  const file = await readPolicyFile(
    "rules:\n  - { allow: { from: role=web, to: role=db, ports: [tcp/80, udp/53] } }\n" +
      "  - { deny: { from: role=web, to: role=db } }\n",
    "policy.yaml",
  );
  const warnings = [1, 2, 3].map((number) => `default#${number}: nobody is meant by role=web`);
  assert.deepEqual(locate([...warnings, "default#2: it never matches", "of no rule"], file), [
    "line 2, column 5: default#1: nobody is meant by role=web",
    "line 3, column 5: default#3: nobody is meant by role=web",
    "line 2, column 5: default#2: it never matches",
    "of no rule",
  ]);
});
