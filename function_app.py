"""The Azure Functions app: the table of contents, nothing else."""

import gc

# What is imported stays. Searching it for garbage again and again takes a tenth of a cold start.
gc.disable()

import azure.functions as func

from settings import Settings
from wiring.blueprints import blueprints
from wiring.services import Services, open_telemetry

settings = Settings.from_environment()
open_telemetry(settings)
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in blueprints(Services.from_settings(settings)):
    app.register_functions(blueprint)
gc.freeze()
gc.enable()
