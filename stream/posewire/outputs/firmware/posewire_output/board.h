// What the logic needs of a board. The sketch has it for Arduino and Teensy; the tests have it for a computer.
#pragma once
#include <stdint.h>

namespace posewire {

uint32_t board_micros();                                  // wraps around after 71 minutes
bool board_can(uint8_t pin, bool analog);                 // whether the pin exists and may be an output
void board_claim(uint8_t pin, bool high);                 // make it a digital output at this level, without a glitch
void board_output(uint8_t pin, bool high);                // set a digital output
void board_value(uint8_t pin, uint16_t value);            // 0..65535 on an analog or PWM output
void board_send(const uint8_t *bytes, uint8_t count);     // to the host, whole or not at all; never waits
uint8_t board_features();

}  // namespace posewire
