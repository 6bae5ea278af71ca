const { connectOptionsFromEnv } = require('express-connect-auth');
const { createApp } = require('./app');

createApp(connectOptionsFromEnv()).listen(process.env.PORT ?? 3000);
