import assert from "node:assert/strict";
import { Socket } from "node:net";
import { guarded } from "./guarded_transport.ts";

Deno.test("guarded() has a socket's error throw nothing, also when all listeners were taken off", () => {
  const socket = guarded(new Socket());
  const heard: unknown[] = [];
  socket.on("error", (error) => heard.push(error)).on("end", () => heard.push("end"));
  socket.emit("error", "heard");
  for (let i = 0; i < 20; i++) socket.removeAllListeners();
  socket.emit("error", "not heard");
  assert.equal(socket.listenerCount("error"), 1);
  assert.equal(socket.emit("end"), false);
  socket.on("end", () => heard.push("end"));
  socket.removeAllListeners("data");
  socket.emit("end");
  assert.deepEqual(heard, ["heard", "end"]);
  socket.destroy();
});
