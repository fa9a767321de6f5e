import { SeededRandom } from "../../base/mod.ts";
import { testFramePlane } from "./testing/frame_plane_suite.ts";
import { memoryWorld } from "./testing/memory_world.ts";

testFramePlane(
  "PortableFrames by IPv4",
  (hosts) => Promise.resolve(memoryWorld(hosts, "mesh", new SeededRandom(14))),
);
testFramePlane(
  "PortableFrames by IPv6",
  (hosts) => Promise.resolve(memoryWorld(hosts, "mesh6", new SeededRandom(14))),
);
testFramePlane(
  "PortableFrames by channels",
  (hosts) => Promise.resolve(memoryWorld(hosts, "channels", new SeededRandom(14))),
);
