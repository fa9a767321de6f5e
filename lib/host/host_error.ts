/**
 * What can go wrong between weft and the host's kernel.
 * @module
 */

import { WeftError } from "../base/mod.ts";

/** The kernel said no for a reason that has no class of its own. */
export class HostError extends WeftError {
  readonly code: string = "Host";
}

/** The process lacks a capability, CAP_NET_ADMIN as a rule. */
export class NotPermittedError extends WeftError {
  readonly code = "NotPermitted";

  /** @param what what was being done, as in `open a network interface` */
  constructor(what: string, capability = "CAP_NET_ADMIN") {
    super(`Cannot ${what}: that needs root, or the capability ${capability}`, {
      hint: "Run as root, or use --rootless to join without a network interface.",
    });
  }
}

/** The kernel has no TUN device. */
export class NoTunDeviceError extends WeftError {
  readonly code = "NoTunDevice";

  constructor() {
    super("Cannot open a network interface: /dev/net/tun does not exist or has no driver", {
      hint:
        "Load the driver with `modprobe tun` (in a container: pass --device /dev/net/tun), or use --rootless.",
      retryable: true,
    });
  }
}

/** An interface of that name is in use. */
export class InterfaceExistsError extends WeftError {
  readonly code = "InterfaceExists";

  /** @param name the interface's name @param option by which another one is chosen */
  constructor(name: string, option = "--interface") {
    super(`Cannot make the interface ${name}: there is one of that name`, {
      hint: `Stop what uses ${name}, or choose another name with ${option}.`,
      retryable: true,
    });
  }
}

/** There is no interface of that name. */
export class NoInterfaceError extends HostError {
  override readonly code = "NoInterface";

  /**
   * @param what what was being done, as in `bring eth0 up`
   * @param name the interface's name
   */
  constructor(what: string, name: string) {
    super(`Cannot ${what}: there is no interface ${name}`, {
      hint: "See `ip link` for those that there are; if it was removed meanwhile, start again.",
      retryable: true,
    });
  }
}

/** There is no such network namespace, or there is none any more. */
export class NoNamespaceError extends HostError {
  override readonly code = "NoNamespace";

  /** @param where as it was named: a name, a path or a process id */
  constructor(where: string) {
    super(`Cannot enter the network namespace ${where}: there is none`, {
      hint:
        "Name one that `ip netns` lists, the path of one, or the id of a process that is in one; if it was deleted, make it again.",
      retryable: true,
    });
  }
}

/** An interface cannot be used for what was asked. */
export class UnfitInterfaceError extends HostError {
  override readonly code = "UnfitInterface";
}

/** Something else has the UDP port. */
export class UdpPortTakenError extends HostError {
  override readonly code = "UdpPortTaken";

  /** @param port the port's number */
  constructor(port: number) {
    super(`Cannot open UDP port ${port}: something else has it`, {
      hint: "See what it is with `ss -ulpn`; a vxlan device of the kernel has one too (`ip -d link`).",
      retryable: true,
    });
  }
}
