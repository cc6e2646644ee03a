export { freePort, portIsOpen } from '../../scripts/servers/free-port.ts';
