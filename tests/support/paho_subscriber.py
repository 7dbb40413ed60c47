"""Prints topic and payload of what comes below goldcrest/, as mosquitto_sub -v does."""

import os

import paho.mqtt.client as mqtt


def on_message(client, userdata, message):
    # A payload that is no UTF-8 ends this with an error.
    print(message.topic, message.payload.decode("utf-8"), flush=True)


# The second version of the library wants to know which callbacks are meant.
version = getattr(mqtt, "CallbackAPIVersion", None)
client = mqtt.Client(version.VERSION2) if version else mqtt.Client()
client.on_message = on_message
client.connect("127.0.0.1", int(os.environ["PORT"]))
client.subscribe("goldcrest/#", qos=1)
client.loop_forever()
