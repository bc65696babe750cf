import { once } from "node:events";
import { createServer } from "node:net";

/** Addresses of this machine whose ports nobody listens on. */
export async function freeAddresses(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  return ports.map((port) => `127.0.0.1:${port}`);
}
