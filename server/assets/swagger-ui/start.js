// Shows the document beside this file. Nothing is sent anywhere but to this server: the validator is somebody else's.
SwaggerUIBundle({ url: 'doc.json', dom_id: '#swagger-ui', validatorUrl: null, deepLinking: true });
