const { connectOptionsFromEnv } = require('express-connect-auth');
const { createApp } = require('./app');

const { app, connect } = createApp(connectOptionsFromEnv());
const server = app.listen(process.env.PORT ?? 3000);
// What is in progress ends first, a refresh above all: it may have spent the only token that the visitor has.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.close(() => connect.close()));
