/* global BroadcastChannel, close */
new BroadcastChannel('connect').postMessage('connected');
close(); // only a popup can be closed; a page stays, with its link
